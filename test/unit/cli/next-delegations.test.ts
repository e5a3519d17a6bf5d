import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { isSigner, withRotatedKeys } from "../../../src/cli/rotate/next-delegations.ts"
import { NO_DELEGATIONS } from "../../../src/cli/trust/build-update.ts"
import { RELEASES, signerRole, withSigner } from "../../../src/cli/trust/delegations.ts"
import {
    bareKey,
    canonicalKeyIdOf,
    type Delegations,
    encodeTargets,
    type KeyId,
    keyIdOf,
    parseSigned,
    type RoleName,
    TARGETS,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"
import { makeKey, makeRootKey } from "../../support/repository-builder.ts"
import { NOW } from "./fake-terminal.ts"

const [ALICE, BOB] = [signerRole("alice"), signerRole("bob")]
const [alice, bob, next, another] = [makeKey().key, makeKey("rsa2048").key, makeKey("p384").key, makeKey().key]
const id = canonicalKeyIdOf

const both = withSigner(withSigner(NO_DELEGATIONS, ALICE, [alice]), BOB, [bob])

function keysOf({ roles }: Delegations, name: RoleName): readonly KeyId[] {
    return roles.find((role) => role.name === name)?.keyIds ?? []
}

/** Changed, and fit to be signed by a daemon that takes nothing untidy. */
function rotated(
    before: Delegations,
    role: RoleName,
    { going = [], coming = [], threshold = 1 }: { going?: readonly TufKey[]; coming?: readonly TufKey[]; threshold?: number },
): Delegations {
    const after = withRotatedKeys(before, { role, going: going.map(id), coming, threshold })
    const document = { type: "targets" as const, version: 2, expires: new Date("2030-01-01T00:00:00Z"), targets: new Map() }
    parseSigned(encodeTargets({ ...document, delegations: after }), TARGETS, { requireCanonical: true })
    return after
}

describe("a delegation's next keys", () => {
    test("a signer's new key takes the place of the old one, in targets/releases too, and nobody else's changes", () => {
        const after = rotated(both, ALICE, { going: [alice], coming: [next] })
        assert.deepEqual(keysOf(after, ALICE), [keyIdOf(next)])
        assert.deepEqual(keysOf(after, RELEASES), [keyIdOf(bob), keyIdOf(next)])
        assert.deepEqual(keysOf(after, BOB), [keyIdOf(bob)])
        assert.deepEqual([...after.keys.keys()].sort(), [keyIdOf(bob), keyIdOf(next)].sort())
    })

    test("a key that another signer has as well stays in targets/releases", () => {
        const shared = withSigner(both, BOB, [alice])
        const after = rotated(shared, ALICE, { going: [alice], coming: [next] })
        assert.deepEqual([...keysOf(after, RELEASES)].sort(), [alice, bob, next].map(keyIdOf).sort())
        assert.ok(keysOf(after, BOB).includes(keyIdOf(alice)))
    })

    test("a new key comes beside the old ones, and one can go alone", () => {
        const two = rotated(both, ALICE, { coming: [next, another], threshold: 2 })
        assert.deepEqual(keysOf(two, ALICE), [alice, next, another].map(keyIdOf))
        assert.equal(two.roles.find(({ name }) => name === ALICE)?.threshold, 2)
        // How many release is not how many of Alice's keys sign for her.
        assert.equal(two.roles.find(({ name }) => name === RELEASES)?.threshold, 1)
        assert.deepEqual(keysOf(rotated(two, ALICE, { going: [alice], threshold: 2 }), ALICE), [next, another].map(keyIdOf))
    })

    test("a key that is listed as a certificate goes by the ID of its bare key, and is not taken twice", () => {
        const certificate = makeRootKey("alice", NOW).key
        const bare = tufKey(bareKey(certificate))
        const listed = withSigner(NO_DELEGATIONS, ALICE, [certificate])
        assert.deepEqual(keysOf(rotated(listed, ALICE, { coming: [bare, next] }), ALICE), [certificate, next].map(keyIdOf))
        assert.deepEqual(keysOf(rotated(listed, ALICE, { going: [bare], coming: [next] }), ALICE), [keyIdOf(next)])
    })

    test("targets/releases itself changes alone, and a role that releases nothing leaves it as it is", () => {
        const after = rotated(both, RELEASES, { going: [alice], coming: [next] })
        assert.deepEqual(keysOf(after, RELEASES), [keyIdOf(bob), keyIdOf(next)])
        assert.deepEqual(keysOf(after, ALICE), [keyIdOf(alice)])
        assert.ok(!isSigner(both, RELEASES))
        const apart = { ...both, roles: both.roles.map((role) => (role.name === RELEASES ? { ...role, keyIds: [keyIdOf(bob)] } : role)) }
        assert.ok(!isSigner(apart, ALICE))
        assert.deepEqual(keysOf(rotated(apart, ALICE, { going: [alice], coming: [next] }), RELEASES), [keyIdOf(bob)])
    })

    test("what nobody could sign is refused", () => {
        for (const change of [
            { going: [alice] },
            { going: [alice], coming: [next], threshold: 2 },
            { coming: [next], threshold: 0 },
            { coming: [next], threshold: 1.5 },
        ]) {
            assert.throws(() => rotated(both, ALICE, change), { code: "invalid_request" }, JSON.stringify(change))
        }
        const alone = withSigner(NO_DELEGATIONS, ALICE, [alice])
        const strict = { ...alone, roles: alone.roles.map((role) => ({ ...role, keyIds: [keyIdOf(alice)], threshold: 1 })) }
        assert.throws(() => rotated(strict, RELEASES, { going: [alice] }), { code: "invalid_request" })
    })
})
