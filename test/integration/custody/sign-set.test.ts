import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { KeyView, RawFile } from "../../../src/custody/index.ts"
import {
    certificateKey,
    keyIdOf,
    parseFile,
    parseRoleName,
    parseSigned,
    ROOT,
    SNAPSHOT,
    TARGETS,
    verifyRepository,
    verifyThreshold,
} from "../../../src/tuf/index.ts"
import { makeKey, makeRootKey } from "../../support/repository-builder.ts"
import { ADMIN, CustodyRig, caller, GUN, inDays, Repository, refused, targetsBody } from "./rig.ts"

const contents = (files: readonly RawFile[]) => files.map(({ role, content }) => [role, Buffer.from(content).toString("utf8")])
const rolesOf = (files: readonly RawFile[]) => files.map(({ role }) => String(role))

/** As a stock client would check what is published. */
function verified(repository: Repository, files: readonly RawFile[]) {
    const parsed = files.map((file) => parseFile(file.content, file.role))
    const one = (role: string) => parsed.find((file) => file.role === role)
    const [timestamp, snapshot, targets] = [one("timestamp"), one("snapshot"), one("targets")]
    assert.ok(timestamp && snapshot && targets)
    const roots = parsed.filter(({ role }) => role === "root")
    const delegations = parsed.filter(({ role }) => role.startsWith("targets/"))
    return verifyRepository(undefined, { roots, timestamp, snapshot, targets, delegations }, repository.gun, new Date())
}

async function marksOf(rig: CustodyRig): Promise<Record<string, number>> {
    const { repository } = await rig.custody.showTrust(ADMIN, { gun: GUN })
    return Object.fromEntries([...(repository?.marks ?? [])].map(([role, { version }]) => [role, version]))
}

describe("the first set of a repository", () => {
    test("with our snapshot key holds root, targets and a snapshot of both, as a client accepts them", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const files = await rig.custody.signSet(ADMIN, repository.firstSet())
        assert.deepEqual(rolesOf(files), ["root", "targets", "snapshot"])
        assert.deepEqual(verified(repository, repository.publish(files, 1)).warnings, [])
        assert.deepEqual(await marksOf(rig), { root: 1, targets: 1, snapshot: 1 })
        assert.deepEqual(contents(await rig.custody.outbox(ADMIN, { gun: GUN })), contents(files))
    })

    test("with the server's snapshot key holds root and targets only", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig, { snapshotKey: false })
        const files = await rig.custody.signSet(ADMIN, repository.firstSet())
        assert.deepEqual(rolesOf(files), ["root", "targets"])
        assert.deepEqual(verified(repository, repository.publish(files, 1)).warnings, [])
    })

    test("is the same, byte for byte, when it is asked for again, at the same time and after a restart", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const request = repository.firstSet()
        const answers = await Promise.all([1, 2, 3].map(() => rig.custody.signSet(ADMIN, request)))
        const [first] = answers
        assert.ok(first)
        for (const answer of answers) assert.deepEqual(contents(answer), contents(first))
        assert.deepEqual(contents(await rig.custody.outbox(ADMIN, { gun: GUN })), contents(first))
        await rig.restart()
        assert.deepEqual(contents(await rig.custody.outbox(ADMIN, { gun: GUN })), contents(first))
        assert.deepEqual(contents(await rig.custody.signSet(ADMIN, request)), contents(first))
        assert.deepEqual(contents(await rig.custody.outbox(ADMIN, { gun: GUN })), contents(first))
    })

    test("signed by two of our keys is the same for two who ask at once", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const second = await rig.createKey("root")
        const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: second.record.id, gun: GUN })
        const keys = { ...repository.keys, root: [...repository.keys.root, certificateKey(pem)] }
        const root = repository.rootBody(1, { keys, thresholds: { root: 2 } })
        const bodies = [repository.body("root", root, [repository.root, second]), repository.body("targets", targetsBody({ version: 1 }))]
        const [one, two] = await Promise.all([1, 2].map(() => rig.custody.signSet(ADMIN, repository.set(bodies, 1))))
        assert.ok(one && two)
        assert.deepEqual(contents(one), contents(two))
        assert.deepEqual(verified(repository, repository.publish(one, 1)).warnings, [])
    })
})

describe("a root that needs two holders", () => {
    async function begin(rig: CustodyRig) {
        const repository = await Repository.prepare(rig)
        const other = makeRootKey(GUN, new Date())
        const keys = { ...repository.keys, root: [...repository.keys.root, other.key] }
        const root = repository.rootBody(1, { keys, thresholds: { root: 2 } })
        const request = (signatures: Parameters<Repository["body"]>[3]) =>
            repository.set(
                [repository.body("root", root, undefined, signatures), repository.body("targets", targetsBody({ version: 1 }))],
                1,
            )
        return { repository, request, theirs: other.sign(parseSigned(root, ROOT)) }
    }

    test("is incomplete with one signature, and nothing of its set is released", async () => {
        await using rig = await CustodyRig.withGroup()
        const { request } = await begin(rig)
        await assert.rejects(rig.custody.signSet(ADMIN, request([])), refused("set_incomplete"))
        assert.deepEqual(await rig.custody.outbox(ADMIN, { gun: GUN }), [])
        // Nor promised: no version is burnt for want of a signature.
        assert.deepEqual(await marksOf(rig), {})
    })

    test("is complete with the other holder's, whose bad or repeated signature counts for nothing", async () => {
        await using rig = await CustodyRig.withGroup()
        const { repository, request, theirs } = await begin(rig)
        await assert.rejects(rig.custody.signSet(ADMIN, request([{ ...theirs, sig: Buffer.alloc(64, 1) }])), refused("set_incomplete"))
        const ours = { ...theirs, keyId: keyIdOf(repository.rootKey) }
        await assert.rejects(rig.custody.signSet(ADMIN, request([ours])), refused("set_incomplete"))
        await rig.restart()
        const files = await rig.custody.signSet(ADMIN, request([theirs]))
        assert.deepEqual(verified(repository, repository.publish(files, 1)).warnings, [])
        const root = files[0]
        assert.ok(root)
        const file = parseFile(root.content, ROOT)
        assert.ok(file.signed.document.type === "root")
        const { valid } = verifyThreshold(file.signed, file.signatures, file.signed.document.keys, {
            keyIds: repository.keys.root.map(keyIdOf).concat(theirs.keyId),
            threshold: 2,
        })
        assert.equal(valid.length, 2)
    })
})

describe("a set", () => {
    test("names each role once, at least one, none the daemon builds itself, and one of our keys", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const body = repository.body("targets", targetsBody({ version: 2 }))
        const sets = {
            empty: [],
            "a role twice": [body, body],
            "a snapshot": [{ ...body, role: SNAPSHOT }],
            "no key": [{ ...body, keyIds: [] }],
        }
        for (const [name, bodies] of Object.entries(sets)) {
            await assert.rejects(rig.custody.signSet(ADMIN, repository.set(bodies)), refused("invalid_request"), name)
        }
    })

    test("TK-POL-1 is refused whole when one of its keys is forbidden or unknown, with one answer", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const release = caller("release")
        rig.allow([{ who: release, do: ["sign"], role: ["targets"] }])
        const messages: string[] = []
        for (const snapshotKey of [repository.snapshot?.record.id ?? "", "0".repeat(64)]) {
            const set = repository.targetsSet(2, { v1: "one" })
            const request = { ...set, snapshot: { version: 2, expires: inDays(10), keyIds: [snapshotKey] } }
            await assert.rejects(rig.custody.signSet(release, request), (error) => {
                assert.ok(error instanceof Error)
                messages.push(`${JSON.stringify(error)} ${error.message}`)
                return true
            })
        }
        assert.equal(messages[0], messages[1])
        assert.match(messages[0] ?? "", /denied/)
        assert.deepEqual(await marksOf(rig), { root: 1, targets: 1, snapshot: 1 })
    })

    test("burns no version when anything in it can't be right", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const stranger = await rig.createKey("snapshot")
        const good = repository.targetsSet(2, { v1: "one" })
        const snapshot = { version: 2, expires: inDays(100), keyIds: [repository.snapshot?.record.id ?? ""] }
        const delegation = repository.body("targets/releases", targetsBody({ version: 1 }))
        const bad = {
            expiry_rejected: { ...good, snapshot: { ...snapshot, expires: inDays(5000) } },
            rollback_refused: { ...good, snapshot: { ...snapshot, version: 0 } },
            metadata_rejected: { ...good, bodies: [...good.bodies, delegation] },
            key_unfit: { ...good, snapshot: { ...snapshot, keyIds: [repository.targets.record.id] } },
        }
        for (const [code, request] of Object.entries(bad)) await assert.rejects(rig.custody.signSet(ADMIN, request), refused(code), code)
        const untrusted = { ...good, snapshot: { ...snapshot, keyIds: [stranger.record.id] } }
        await assert.rejects(rig.custody.signSet(ADMIN, untrusted), refused("metadata_rejected"))
        assert.deepEqual(await marksOf(rig), { root: 1, targets: 1, snapshot: 1 })
        await rig.custody.signSet(ADMIN, good)
    })

    test("TK-JRN-2 with other content for a promised version is refused before anything is promised", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }))
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "two" })), refused("equivocation_refused"))
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(1, {})), refused("rollback_refused"))
        // A root of the same set, which would have been fine alone.
        const bodies = [
            repository.body("root", repository.rootBody(2)),
            repository.body("targets", targetsBody({ version: 2, targets: { v1: "two" } })),
        ]
        await assert.rejects(rig.custody.signSet(ADMIN, repository.set(bodies, 3)), refused("equivocation_refused"))
        assert.deepEqual(await marksOf(rig), { root: 1, targets: 2, snapshot: 2 })
    })

    test("replaces what waits in the outbox, but for roots, which clients walk one by one", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await rig.custody.signSet(ADMIN, repository.set([repository.body("root", repository.rootBody(2))], 2))
        await rig.custody.signSet(ADMIN, repository.targetsSet(3, { v1: "one" }))
        const versions = (await rig.custody.outbox(ADMIN, { gun: GUN })).map(({ role, content }) => [
            String(role),
            parseFile(content, role).signed.document.version,
        ])
        assert.deepEqual(versions.sort(), [
            ["root", 1],
            ["root", 2],
            ["snapshot", 3],
            ["targets", 3],
        ])
    })

    test("built on what is published takes note of that first", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const published = repository.publish(await rig.custody.outbox(ADMIN, { gun: GUN }), 1)
        const files = await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }, published))
        assert.deepEqual(rolesOf(await rig.custody.outbox(ADMIN, { gun: GUN })), ["targets", "snapshot"])
        const root = published.find(({ role }) => role === "root")
        assert.ok(root)
        assert.deepEqual(verified(repository, repository.publish([root, ...files], 2)).warnings, [])
        // A server that goes back is noticed.
        await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish([root, ...files], 2) })
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(3, { v1: "one" }, published)), refused("rollback_detected"))
    })

    test("rotates the root: the new keys and the old ones sign, and a client follows", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const first = repository.publish(await rig.custody.outbox(ADMIN, { gun: GUN }), 1)
        await rig.custody.observe(ADMIN, { gun: GUN, files: first })
        const next: KeyView = await rig.createKey("root")
        const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: next.record.id, gun: GUN })
        const keys = { ...repository.keys, root: [certificateKey(pem)] }
        const rotate = (by: readonly KeyView[]) =>
            rig.custody.signSet(ADMIN, repository.set([repository.body("root", repository.rootBody(2, { keys }), by)], 2))
        await assert.rejects(rotate([next]), refused("set_incomplete"))
        assert.deepEqual(await rig.custody.outbox(ADMIN, { gun: GUN }), [])
        const files = await rotate([next, repository.root])
        assert.deepEqual(rolesOf(files), ["root", "snapshot"])
        const [rootOne, targets] = [first.find(({ role }) => role === "root"), first.find(({ role }) => role === "targets")]
        assert.ok(rootOne && targets)
        const published = [rootOne, ...repository.publish([...files, targets], 2)]
        assert.equal(verified(repository, published).root.signed.document.version, 2)
        assert.deepEqual((await rig.custody.observe(ADMIN, { gun: GUN, files: published })).published, ["root", "snapshot"])
        assert.deepEqual(await rig.custody.outbox(ADMIN, { gun: GUN }), [])
    })

    test("whose snapshot can't be built is refused before its root is promised", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const onlyRoot = repository.set([repository.body("root", repository.rootBody(1))], 1)
        await assert.rejects(rig.custody.signSet(ADMIN, onlyRoot), refused("invalid_request"))
        assert.deepEqual(await marksOf(rig), {})
        await rig.custody.signSet(ADMIN, repository.firstSet())
    })
})

describe("a signature of somebody else's", () => {
    test("that no client could read is refused before anything is promised", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const key = makeKey()
        const signed = targetsBody({ version: 2 })
        const theirs = key.sign(parseSigned(signed, TARGETS))
        for (const signatures of [[theirs, theirs], [{ ...theirs, method: "rot13" }]]) {
            const set = repository.set([repository.body("targets", signed, undefined, signatures)], 2)
            await assert.rejects(rig.custody.signSet(ADMIN, set), refused("invalid_request"))
        }
        assert.deepEqual(await marksOf(rig), { root: 1, targets: 1, snapshot: 1 })
        assert.equal(parseRoleName("targets"), TARGETS)
    })
})
