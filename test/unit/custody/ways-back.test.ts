import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { generatePrivateKey } from "../../../src/crypto/index.ts"
import { type WaysBack, waysBack } from "../../../src/custody/ways-back.ts"
import type { KeyHome, KeyRecord, TokenHome } from "../../../src/journal/index.ts"
import type { KeyStore } from "../../../src/keys/index.ts"
import { canonicalKeyIdOf, parseGun, parseRoleName, tufKey } from "../../../src/tuf/index.ts"

const GUN = parseGun("registry.example.com/team/app")

const onToken = (token: string): TokenHome => ({ kind: "token", token, uri: `pkcs11:token=${token}`, serial: `serial of ${token}` })

function record(home: KeyHome, changes: Partial<KeyRecord> = {}): KeyRecord {
    const { publicKey } = generatePrivateKey("p256")
    const id = canonicalKeyIdOf(tufKey(publicKey))
    const facts = { id, publicKey, algorithm: "p256", purpose: "root", label: "", bindings: [], home } as const
    return { ...facts, origin: "generated", createdAt: "2026-11-21T09:00:00.000Z", ...changes }
}

describe("what a repository has without a key that can't leave its token", () => {
    const [sealed, elsewhere] = [record({ kind: "sealed" }, { copies: [onToken("spare")] }), record({ kind: "sealed" })]
    const others = [sealed, record(onToken("second")), elsewhere]
    const known = new Map(others.slice(0, 2).map((key) => [key.id, key]))
    const keys = { find: (id: string) => known.get(id as KeyRecord["id"]) } as KeyStore
    const digits = ({ id }: KeyRecord): string => id.slice(0, 12)
    const need = {
        gun: GUN,
        role: parseRoleName("root"),
        kind: "signs",
        text: "one of 4 keys; 2 must sign: without it 3 are left",
    } as const

    const of = (key: KeyRecord, maySee = true): WaysBack =>
        waysBack({ keys }, key, [{ ...need, others: others.map(({ id }) => id) }], () => maySee)

    test("the role's other keys, each with where it is", () => {
        const [role] = of(record(onToken("first"))).roles
        const places = `${digits(sealed)} sealed here and on token spare, ${digits(others[1] ?? sealed)} on token second`
        assert.equal(role, `root of ${GUN}: ${need.text}. The others are ${places}, ${digits(elsewhere)} elsewhere.`)
    })

    test("TK-POL-1 of a key that the caller may not see, that there is one and no more", () => {
        const [role] = of(record(onToken("first")), false).roles
        assert.match(role ?? "", new RegExp(`${digits(sealed)} elsewhere, ${digits(others[1] ?? sealed)} elsewhere, `))
        assert.doesNotMatch(role ?? "", /token/)
    })

    test("its copies on other tokens, and the file it came from", () => {
        const key = record(onToken("first"), { copies: [onToken("spare")], origin: "imported" })
        assert.deepEqual(of(key).copies, [
            "It lies on token spare (serial serial of spare) too.",
            "It came from a file or another token: whoever kept that has the key.",
        ])
        assert.deepEqual(of(record(onToken("first"))).copies, [])
    })

    test("of a repository without a name, only what everybody is told", () => {
        const nameless = { gun: "", role: "", kind: "signs", text: "a repository you may not see needs it" } as const
        assert.deepEqual(waysBack({ keys }, record(onToken("first")), [nameless], () => true).roles, [
            "a repository you may not see needs it.",
        ])
    })
})
