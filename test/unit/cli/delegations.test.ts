import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { NO_DELEGATIONS } from "../../../src/cli/trust/build-update.ts"
import { RELEASES, sameDelegations, signerRole, tidyDelegations, withoutSigner, withSigner } from "../../../src/cli/trust/delegations.ts"
import {
    bareKey,
    canonicalKeyIdOf,
    type Delegations,
    encodeTargets,
    keyIdOf,
    parseRoleName,
    parseSigned,
    TARGETS,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"
import { makeKey, makeRootKey } from "../../support/repository-builder.ts"
import { NOW } from "./fake-terminal.ts"

const [ALICE, BOB] = [signerRole("alice"), signerRole("bob")]
const [alice, bob] = [makeKey().key, makeKey("rsa2048").key]
const certificate = makeRootKey("alice", NOW).key
const bareOfCertificate = tufKey(bareKey(certificate))

function shape({ keys, roles }: Delegations): unknown {
    return { keys: [...keys.keys()].sort(), roles: roles.map(({ name, keyIds, paths, threshold }) => [name, keyIds, paths, threshold]) }
}

/** What the daemon accepts to sign. */
function checkSignable(delegations: Delegations): void {
    const bytes = encodeTargets({ type: "targets", version: 2, expires: new Date("2030-01-01T00:00:00Z"), targets: new Map(), delegations })
    parseSigned(bytes, TARGETS, { requireCanonical: true })
}

describe("delegations", () => {
    test("a signer's name is what docker allows", () => {
        for (const name of ["alice", "0", "a_b-c"]) assert.equal(signerRole(name), `targets/${name}`)
        for (const name of ["Alice", "-a", "_a", "a b", "a/b", "", "ä"]) {
            assert.throws(() => signerRole(name), {
                code: "invalid_request",
                message: /^signer name ".*" must start with lowercase alphanumeric/,
            })
        }
        assert.throws(() => signerRole("releases"), { message: "releases is a reserved keyword, use a different signer name" })
        assert.throws(() => signerRole("a".repeat(300)), { code: "invalid_request" })
    })

    test("a signer gets a role of its own and a key in targets/releases, for all paths", () => {
        const one = withSigner(NO_DELEGATIONS, ALICE, [alice])
        const ids = [keyIdOf(alice)]
        assert.deepEqual(shape(one), {
            keys: ids,
            roles: [
                [ALICE, ids, [""], 1],
                [RELEASES, ids, [""], 1],
            ],
        })
        const two = withSigner(one, BOB, [bob])
        assert.deepEqual(two.roles.find(({ name }) => name === RELEASES)?.keyIds, [keyIdOf(alice), keyIdOf(bob)])
        checkSignable(two)
    })

    test("the same signer again changes nothing", () => {
        const once = withSigner(withSigner(NO_DELEGATIONS, ALICE, [alice]), BOB, [bob])
        assert.ok(sameDelegations(once, withSigner(once, ALICE, [alice])))
        assert.ok(!sameDelegations(once, withSigner(once, ALICE, [makeKey().key])))
    })

    test("a key given bare and as certificate is one key", () => {
        for (const given of [
            [certificate, bareOfCertificate],
            [bareOfCertificate, certificate],
        ]) {
            const made = withSigner(NO_DELEGATIONS, ALICE, given)
            assert.equal(made.keys.size, 1)
            assert.deepEqual(
                made.roles.map(({ keyIds }) => keyIds.length),
                [1, 1],
            )
            checkSignable(made)
        }
        const known = withSigner(NO_DELEGATIONS, ALICE, [certificate])
        const again = withSigner(known, ALICE, [bareOfCertificate])
        assert.ok(sameDelegations(known, again))
    })

    test("a role that is there keeps its paths and its threshold", () => {
        const limited: Delegations = {
            keys: new Map([[keyIdOf(bob), bob]]),
            roles: [{ name: RELEASES, keyIds: [keyIdOf(bob)], threshold: 1, paths: ["v"] }],
        }
        const made = withSigner(limited, ALICE, [alice])
        assert.deepEqual(made.roles.find(({ name }) => name === RELEASES)?.paths, ["v"])
        assert.deepEqual(made.roles.find(({ name }) => name === ALICE)?.paths, [""])
    })

    test("a signer that goes takes its keys along, but for those another signer has too", () => {
        const both = withSigner(withSigner(NO_DELEGATIONS, ALICE, [alice, bob]), BOB, [bob])
        const left = withoutSigner(both, ALICE)
        const ids = [keyIdOf(bob)]
        assert.deepEqual(shape(left), {
            keys: ids,
            roles: [
                [RELEASES, ids, [""], 1],
                [BOB, ids, [""], 1],
            ],
        })
        checkSignable(left)
    })

    test("when the last signer goes, no role without keys is left", () => {
        const left = withoutSigner(withSigner(NO_DELEGATIONS, ALICE, [alice]), ALICE)
        assert.deepEqual(shape(left), { keys: [], roles: [] })
    })

    test("a signer known by its certificate goes when its role names the bare key", () => {
        const keys = new Map([certificate, bareOfCertificate].map((key) => [keyIdOf(key), key]))
        const roles = [
            { name: ALICE, keyIds: [keyIdOf(bareOfCertificate)], threshold: 1, paths: [""] },
            { name: RELEASES, keyIds: [keyIdOf(certificate)], threshold: 1, paths: [""] },
        ]
        assert.deepEqual(shape(withoutSigner({ keys, roles }, ALICE)), { keys: [], roles: [] })
    })

    test("what stock clients leave behind and no careful signer signs is put right", () => {
        const role = (name: string, given: readonly TufKey[]): Delegations["roles"][number] => ({
            name: parseRoleName(name),
            keyIds: given.map(keyIdOf),
            threshold: 1,
            paths: [""],
        })
        const all = [certificate, bareOfCertificate, alice, bob]
        const left: Delegations = {
            keys: new Map(all.map((key) => [keyIdOf(key), key])),
            roles: [role("targets/carol", [certificate, bareOfCertificate]), role("targets/releases", []), role("targets/alice", [alice])],
        }
        assert.throws(() => checkSignable(left), { code: "metadata_rejected" })
        const tidy = tidyDelegations(left)
        checkSignable(tidy)
        assert.deepEqual(
            tidy.roles.map(({ name, keyIds }) => [name, keyIds]),
            [
                ["targets/carol", [canonicalKeyIdOf(certificate)]],
                ["targets/alice", [keyIdOf(alice)]],
            ],
        )
        assert.deepEqual([...tidy.keys.keys()].sort(), [canonicalKeyIdOf(certificate), keyIdOf(alice)].sort())
    })
})
