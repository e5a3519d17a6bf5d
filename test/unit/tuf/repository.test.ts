import assert from "node:assert/strict"
import { describe, test } from "node:test"
import {
    assembleFile,
    type MetadataFile,
    parseFile,
    parseRoleName,
    parseSigned,
    pathMatches,
    type RepositoryFiles,
    SNAPSHOT,
    snapshotMeta,
    TARGETS,
    TIMESTAMP,
    trustedTargets,
    type VerifyOptions,
    verifyRepository,
} from "../../../src/tuf/index.ts"
import {
    type DelegationSpec,
    EARLIER,
    GUN,
    LATER,
    makeFile,
    makeKey,
    makeKeys,
    makeRepository,
    makeRoot,
    NOW,
    someTarget,
    withCode,
} from "./make.ts"

const keys = makeKeys()
const alice = makeKey()
const bob = makeKey("rsa2048")
const good = makeRepository(keys, { delegations: [{ name: "targets/releases", keys: [alice, bob] }] })

function verify(files: RepositoryFiles, options?: VerifyOptions, trusted?: MetadataFile) {
    return verifyRepository(trusted, files, GUN, NOW, options)
}

function isRefused(files: RepositoryFiles, code: string, options?: VerifyOptions): void {
    assert.throws(() => verify(files, options), withCode(code))
}

/** The same canonical bytes in another file. */
function otherLayout(file: MetadataFile): MetadataFile {
    const content = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(file.content).toString()), null, 1))
    return parseFile(content, file.role)
}

describe("a repository", () => {
    test("verifies whole, with every file from the timestamp down", () => {
        const verified = verify(good)
        assert.equal(verified.root, good.roots[0])
        assert.equal(verified.timestamp, good.timestamp)
        assert.equal(verified.snapshot, good.snapshot)
        assert.equal(verified.targets, good.targets)
        assert.deepEqual([...verified.delegations.keys()], ["targets/releases"])
        assert.deepEqual(verified.warnings, [])
    })

    test("is not there without root, timestamp, snapshot and targets", () => {
        const { timestamp, snapshot, targets, ...rest } = good
        isRefused({ ...good, roots: [] }, "no_trust_data")
        isRefused({ ...rest, snapshot, targets }, "no_trust_data")
        isRefused({ ...rest, timestamp, targets }, "no_trust_data")
        isRefused({ ...rest, timestamp, snapshot }, "no_trust_data")
        isRefused({ ...good, timestamp: good.snapshot }, "invalid_request")
    })

    test("fails when any file is another than the one listed, though its signature is good", () => {
        const other = makeRepository(keys, { root: good.roots[0] ?? assert.fail(), targets: new Map([["v1", someTarget("two")]]) })
        isRefused({ ...good, snapshot: other.snapshot }, "verification_failed")
        isRefused({ ...good, targets: other.targets }, "verification_failed")
        isRefused({ ...good, timestamp: other.timestamp }, "verification_failed")
        isRefused({ ...good, roots: [makeFile(makeRoot(keys), keys.root)] }, "verification_failed")
        const delegated = makeRepository(keys, { delegations: [{ name: "targets/releases", keys: [alice], version: 9 }] })
        isRefused({ ...good, delegations: delegated.delegations }, "verification_failed")
    })

    test("fails when a file has other bytes than listed, though the same signed content", () => {
        for (const name of ["snapshot", "targets"] as const) isRefused({ ...good, [name]: otherLayout(good[name]) }, "verification_failed")
        isRefused({ ...good, roots: good.roots.map(otherLayout) }, "verification_failed")
        isRefused({ ...good, delegations: good.delegations.map(otherLayout) }, "verification_failed")
        // Nothing lists the timestamp.
        verify({ ...good, timestamp: otherLayout(good.timestamp) })
    })

    test("fails when a base role is signed by another role's key", () => {
        for (const role of ["targets", "snapshot", "timestamp"] as const) {
            const other = makeRepository({ ...keys, [role]: makeKey() }, { root: good.roots[0] ?? assert.fail() })
            isRefused(other, "verification_failed")
        }
    })

    test("that has expired is refused, role by role, unless dates are to be ignored", () => {
        for (const role of ["targets", "snapshot", "timestamp"] as const) {
            const expired = makeRepository(keys, { expires: { [role]: EARLIER } })
            isRefused(expired, "metadata_expired")
            verify(expired, { ignoreExpiry: true })
        }
        const root = makeFile(makeRoot(keys, { expires: EARLIER }), keys.root)
        isRefused(makeRepository(keys, { root }), "metadata_expired")
        verify(makeRepository(keys, { root }), { ignoreExpiry: true })
    })

    test("expires after its last moment", () => {
        verify(makeRepository(keys, { expires: { timestamp: NOW } }))
    })

    test("does not go below the versions seen before", () => {
        const versions = (role: string, version: number): VerifyOptions => ({ versions: new Map([[parseRoleName(role), version]]) })
        for (const [role, version] of [
            ["root", 1],
            ["targets", 2],
            ["snapshot", 3],
            ["timestamp", 4],
            ["targets/releases", 1],
        ] as const) {
            verify(good, versions(role, version))
            isRefused(good, "rollback_detected", versions(role, version + 1))
        }
    })

    test("a root trusted before is where it begins", () => {
        verify(good, {}, good.roots[0])
        const thief = makeKeys()
        assert.throws(() => verify(makeRepository(thief), {}, good.roots[0]), withCode("verification_failed"))
    })

    test("a snapshot that lists no hash of targets is no snapshot, and one that lists no root can't be signed", () => {
        assert.throws(() => snapshotMeta([good.targets]), withCode("invalid_request"))
        assert.throws(() => snapshotMeta([...good.roots, good.targets, good.targets]), withCode("invalid_request"))
        assert.throws(() => snapshotMeta([...good.roots, good.targets, good.timestamp]), withCode("invalid_request"))
        assert.deepEqual([...snapshotMeta([...good.roots, good.targets]).keys()], ["root", "targets"])
    })
})

describe("delegations", () => {
    const delegation = (changes: Partial<DelegationSpec> = {}): DelegationSpec => ({ name: "targets/a", keys: [alice, bob], ...changes })
    const verifyWith = (delegations: readonly DelegationSpec[]) => verify(makeRepository(keys, { delegations }))

    test("that have expired or lack signatures are left out with a warning, and everything below them", () => {
        for (const changes of [{ expires: EARLIER }, { threshold: 2, signers: [alice] }, { signers: [makeKey()] }]) {
            const below = [delegation({ name: "targets/a/b" })]
            const verified = verifyWith([delegation({ ...changes, below }), delegation({ name: "targets/c" })])
            assert.deepEqual([...verified.delegations.keys()], ["targets/c"])
            assert.equal(verified.warnings.length, 2)
            assert.match(verified.warnings.join("\n"), /^targets\/a is ignored.*\n^targets\/a\/b is ignored/m)
        }
    })

    test("each follow the keys and threshold their own parent gives", () => {
        const verified = verifyWith([delegation({ threshold: 2, below: [delegation({ name: "targets/a/b", keys: [keys.targets] })] })])
        assert.deepEqual([...verified.delegations.keys()], ["targets/a", "targets/a/b"])
    })

    test("need no file, unless the snapshot lists one", () => {
        const spec = delegation({ withoutFile: true })
        assert.equal(verifyWith([spec]).delegations.size, 0)
        const listed = makeRepository(keys, { delegations: [spec], alsoListed: new Map([["targets/a", someTarget("gone")]]) })
        isRefused(listed, "verification_failed")
    })

    test("whose file the snapshot does not list are refused", () => {
        const repository = makeRepository(keys, { delegations: [delegation({ withoutFile: true })] })
        const [file] = makeRepository(keys, { delegations: [delegation()] }).delegations
        isRefused({ ...repository, delegations: [file ?? assert.fail()] }, "verification_failed")
    })

    test("nobody delegates to are left out with a warning", () => {
        const [orphan] = makeRepository(keys, { delegations: [delegation({ name: "targets/orphan" })] }).delegations
        const verified = verify({ ...good, delegations: [...good.delegations, orphan ?? assert.fail()] })
        assert.deepEqual(verified.warnings, ["targets/orphan is ignored: no valid role delegates to it"])
    })

    test("are given once each", () => {
        isRefused({ ...good, delegations: [...good.delegations, ...good.delegations] }, "invalid_request")
    })

    test("speak for plain string prefixes, and only for those their parent may speak for", () => {
        assert.ok(pathMatches(["v1"], "v10") && pathMatches([""], "anything") && !pathMatches([], "v1") && !pathMatches(["v*"], "v1"))
        const tags = new Map(["v1", "v2", "w1"].map((name) => [name, someTarget(name)]))
        const repository = verify(
            makeRepository(keys, {
                targets: new Map([["base", someTarget("base")]]),
                delegations: [
                    delegation({
                        paths: ["v", "x"],
                        targets: tags,
                        below: [delegation({ name: "targets/a/b", paths: ["v2", "w", ""], targets: tags })],
                    }),
                    delegation({ name: "targets/none", paths: [], targets: tags }),
                ],
            }),
        )
        assert.deepEqual(
            trustedTargets(repository).map(({ role, name }) => `${role} ${name}`),
            ["targets base", "targets/a v1", "targets/a v2", "targets/a/b v2"],
        )
    })
})

describe("a set the daemon assembles", () => {
    test("is a repository that verifies, from bodies, signatures and a computed snapshot", () => {
        const root = good.roots[0] ?? assert.fail()
        const body = parseSigned(good.targets.signed.bytes, TARGETS)
        const targets = parseFile(assembleFile(body, [keys.targets.sign(body.bytes)]), TARGETS)
        const meta = snapshotMeta([root, targets, ...good.delegations])
        const snapshot = makeFile({ type: "snapshot", version: 4, expires: LATER, meta }, [keys.snapshot], SNAPSHOT)
        const listed = new Map([["snapshot", someMeta(snapshot)]])
        const timestamp = makeFile({ type: "timestamp", version: 5, expires: LATER, meta: listed }, [keys.timestamp], TIMESTAMP)
        verify({ roots: [root], timestamp, snapshot, targets, delegations: good.delegations })
    })
})

function someMeta(file: MetadataFile) {
    return someTarget(Buffer.from(file.content).toString())
}
