import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, test } from "node:test"
import {
    changedRoles,
    checkRootSuccession,
    differenceCode,
    diffMetadata,
    nextRoot,
    parseFile,
    ROOT,
    type RootDocument,
} from "../../../src/tuf/index.ts"
import { GUN, ids, LATER, makeFile, makeKey, makeKeys, makeRoot, makeRootKey, makeSigned, readVector, withCode } from "./make.ts"

const expires = new Date("2030-01-01T00:00:00Z")
const tufs = (keys: readonly ReturnType<typeof makeKey>[]) => keys.map(({ tuf }) => tuf)

function vectorRoot(version: number): RootDocument {
    const { document } = parseFile(readVector(`repo/root-v${version}.json`), ROOT).signed
    return document.type === "root" ? document : assert.fail("no root")
}

describe("the next root", () => {
    test("follows the one before it, signed by the old and the new keys", () => {
        const [a, b, c] = [makeRootKey(), makeRootKey({ algorithm: "p384" }), makeRootKey({ algorithm: "rsa2048" })]
        const keys = makeKeys([a])
        const first = makeRoot(keys)
        const second = nextRoot(first, { rootKeys: { keys: tufs([a, b, c]), threshold: 2 }, expires })
        assert.equal(second.version, 2)
        assert.deepEqual(second.expires, expires)
        assert.deepEqual(second.roles.get("root"), { keyIds: ids([a, b, c]), threshold: 2 })
        assert.deepEqual(second.roles.get("targets"), first.roles.get("targets"))
        checkRootSuccession(makeFile(first, [a]), makeFile(second, [a, b]))
        const third = nextRoot(second, { rootKeys: { keys: tufs([b, c]), threshold: 1 }, expires })
        checkRootSuccession(makeFile(second, [a, b]), makeFile(third, [b, c]))
        assert.throws(() => checkRootSuccession(makeFile(second, [a, b]), makeFile(third, [c])), withCode("verification_failed"))
    })

    test("holds just the keys that notary's own client leaves in it: retired certificates, no other retired keys", () => {
        for (const version of [2, 3, 4]) {
            const [before, after] = [vectorRoot(version - 1), vectorRoot(version)]
            const keysOf = (role: "root" | "targets" | "snapshot" | "timestamp") => ({
                keys: (after.roles.get(role)?.keyIds ?? []).flatMap((id) => after.keys.get(id) ?? []),
                threshold: after.roles.get(role)?.threshold ?? 0,
            })
            const roles = new Map([
                ["targets", keysOf("targets")],
                ["snapshot", keysOf("snapshot")],
            ] as const)
            const built = nextRoot(before, { rootKeys: keysOf("root"), roles, expires: after.expires })
            const sorted = (root: RootDocument) => ({ ...root, keys: new Map([...root.keys].sort(([x], [y]) => (x < y ? -1 : 1))) })
            assert.deepEqual(sorted(built), sorted(after), `version ${version}`)
        }
    })

    test("keeps a key that another role still has", () => {
        const shared = makeKey()
        const keys = { ...makeKeys(), targets: shared, snapshot: shared }
        const next = nextRoot(makeRoot(keys), { roles: new Map([["targets", { keys: [makeKey().tuf], threshold: 1 }]]), expires })
        assert.ok(next.keys.has(shared.id))
    })

    test("is refused when a role could not be signed, or not be counted by Notary", () => {
        const root = makeRoot(makeKeys())
        const [a, b] = [makeRootKey(), makeRootKey()]
        const twice = { keytype: "ecdsa", public: Buffer.from(a.tuf.public) } as const
        const refused = {
            "no keys": { rootKeys: { keys: [], threshold: 1 } },
            "a threshold of none": { rootKeys: { keys: tufs([a, b]), threshold: 0 } },
            "half a threshold": { rootKeys: { keys: tufs([a, b]), threshold: 1.5 } },
            "more signatures than keys": { rootKeys: { keys: tufs([a, b]), threshold: 3 } },
            "a root key without a certificate": { rootKeys: { keys: [makeKey().tuf], threshold: 1 } },
            "a key twice": { rootKeys: { keys: [a.tuf, a.tuf], threshold: 1 } },
            "what is no key": { roles: new Map([["targets", { keys: [twice], threshold: 1 }]] as const) },
            "two signatures for a timestamp": {
                roles: new Map([["timestamp", { keys: tufs([makeKey(), makeKey()]), threshold: 2 }]] as const),
            },
        }
        for (const [name, change] of Object.entries(refused)) {
            assert.throws(() => nextRoot(root, { ...change, expires }), withCode("root_rejected"), name)
        }
    })

    test("changes just the roles whose keys or thresholds are others", () => {
        const [a, b] = [makeRootKey(), makeRootKey()]
        const root = makeRoot(makeKeys([a, b]))
        assert.deepEqual(changedRoles(root, nextRoot(root, { expires })), [])
        assert.deepEqual(changedRoles(root, nextRoot(root, { rootKeys: { keys: tufs([b, a]), threshold: 1 }, expires })), [])
        assert.deepEqual(changedRoles(root, nextRoot(root, { rootKeys: { keys: tufs([a, b]), threshold: 2 }, expires })), ["root"])
        const roles = new Map([["snapshot", { keys: [makeKey().tuf], threshold: 1 }]] as const)
        assert.deepEqual(changedRoles(root, nextRoot(root, { roles, expires })), ["snapshot"])
    })
})

describe("the code of a difference", () => {
    test("is the SHA-256 of repository, role, hash and sentences, each with its line end", () => {
        const before = makeSigned(makeRoot(makeKeys(), { expires: LATER }))
        const next = makeSigned({ ...makeRoot(makeKeys(), { expires }), version: 2 })
        const difference = diffMetadata(before, next)
        const text = [GUN, "root", createHash("sha256").update(next.bytes).digest("hex"), ...difference].join("\n")
        assert.deepEqual(differenceCode(GUN, next, difference), createHash("sha256").update(`${text}\n`).digest())
    })

    test("is another for another key of the same beginning, another repository, another sentence", () => {
        const next = makeSigned(makeRoot(makeKeys()))
        const other = makeSigned(makeRoot(makeKeys()))
        const codes = [
            differenceCode(GUN, next, ["a", "b"]),
            differenceCode(GUN, other, ["a", "b"]),
            differenceCode(GUN, next, ["a"]),
            differenceCode(GUN, next, ["a", "b", ""]),
        ]
        assert.equal(new Set(codes.map((code) => code.toString("hex"))).size, codes.length)
    })
})
