import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { generatePrivateKey } from "../../../src/crypto/index.ts"
import type { KeyRecord } from "../../../src/journal/index.ts"
import { BackOff } from "../../../src/keys/back-off.ts"
import { encodeKeyFacts, parseKeyFacts } from "../../../src/keys/key-facts.ts"
import { KeyEntry, KeyIndex } from "../../../src/keys/key-index.ts"
import { Turns } from "../../../src/keys/turns.ts"
import { canonicalKeyIdOf, parseGun, parseKeyId, parseRoleName, tufKey } from "../../../src/tuf/index.ts"

const ON_A_TOKEN = { kind: "token", token: "root", uri: "pkcs11:serial=1;id=%01", serial: "1" } as const

function record(changes: Partial<KeyRecord> = {}): KeyRecord {
    const { publicKey } = generatePrivateKey("p256")
    return {
        id: canonicalKeyIdOf(tufKey(publicKey)),
        publicKey,
        algorithm: "p256",
        purpose: "targets",
        label: "a key",
        bindings: [{ gun: parseGun("registry.example.com/a"), role: parseRoleName("targets") }],
        home: { kind: "sealed" },
        origin: "generated",
        createdAt: "2026-11-21T09:00:00.000Z",
        ...changes,
    }
}

describe("the facts of a key", () => {
    test("come back as they were written", () => {
        for (const changes of [
            {},
            { removedAt: "2026-11-22T00:00:00.000Z" },
            { home: { kind: "group", group: "ci" } },
            { home: ON_A_TOKEN, origin: "imported" },
            { home: { ...ON_A_TOKEN, pinPolicy: "always", touchPolicy: "cached" } },
            { home: { ...ON_A_TOKEN, touchPolicy: "never" } },
            { home: { ...ON_A_TOKEN, attestation: { certificate: Buffer.from("a"), intermediate: Buffer.from("b"), serial: "1" } } },
            { copies: [{ ...ON_A_TOKEN, brought: true }] },
            { home: { ...ON_A_TOKEN, brought: true }, copies: [{ ...ON_A_TOKEN, token: "spare", pinPolicy: "always", brought: true }] },
        ] as const) {
            const key = record(changes)
            assert.deepEqual(plain(parseKeyFacts(key.id, encodeKeyFacts(key))), plain(key))
        }
    })
    test("that don't know a token key's policies are written as they were before there were policies", () => {
        const home = '"home":{"kind":"token","token":"root","uri":"pkcs11:serial=1;id=%01","serial":"1"}'
        assert.ok(encodeKeyFacts(record({ home: ON_A_TOKEN })).includes(home))
    })
    test("with other policies are another text, so that changing them is noticed", () => {
        const key = record({ home: ON_A_TOKEN })
        const texts = ([undefined, "never", "always", "cached"] as const).map((touchPolicy) =>
            encodeKeyFacts({ ...key, home: { ...ON_A_TOKEN, ...(touchPolicy === undefined ? {} : { touchPolicy }) } }),
        )
        assert.equal(new Set(texts).size, texts.length)
    })
    test("that say another key, or nothing that makes sense, are a damaged database", () => {
        const key = record()
        const other = record()
        const facts = encodeKeyFacts(key)
        const copied = encodeKeyFacts({ ...key, copies: [{ ...ON_A_TOKEN, brought: true }] })
        const onCard = encodeKeyFacts({ ...key, home: { ...ON_A_TOKEN, pinPolicy: "once", touchPolicy: "always" } })
        for (const [id, text] of [
            [other.id, facts],
            [key.id, facts.replace('"p256"', '"p384"')],
            [key.id, facts.replace('"generated"', '"found"')],
            [key.id, facts.replace('"kind":"sealed"', '"kind":"elsewhere"')],
            [key.id, facts.replace("registry.example.com/a", "../a")],
            [key.id, facts.slice(1)],
            [key.id, encodeKeyFacts({ ...key, publicKey: other.publicKey })],
            [key.id, onCard.replace('"touchPolicy":"always"', '"touchPolicy":"sometimes"')],
            [key.id, onCard.replace('"pinPolicy":"once"', '"pinPolicy":1')],
            [key.id, copied.replace('"brought":true', '"brought":false')],
            [key.id, copied.replace(',"brought":true', "")],
            [key.id, copied.replace('"copies":[{"kind":"token"', '"copies":[{"kind":"sealed"')],
        ] as const) {
            assert.throws(() => parseKeyFacts(id, text), { code: "storage_failed" }, text)
        }
    })
})

describe("finding a key", () => {
    test("takes a full ID or an unambiguous prefix of at least seven digits", () => {
        const index = new KeyIndex()
        const ids = ["aaaaaaa0", "aaaaaaa1", "aaaaaab0", "ffffffff"].map((prefix) => parseKeyId(prefix.padEnd(64, "0")))
        for (const id of ids) index.add(new KeyEntry(record({ id }), undefined))
        assert.equal(index.find(ids[0] ?? "")?.record.id, ids[0])
        assert.equal(index.find("aaaaaab")?.record.id, ids[2])
        assert.equal(index.find("ffffffff0000")?.record.id, ids[3])
        for (const none of ["aaaaaaa", "aaaaaa", "ffffff", "0000000", "FFFFFFFF", "", "ffffffff1"])
            assert.equal(index.find(none), undefined, none)
    })
    test("remembers the stored text only as long as it is not what we would write", () => {
        const key = record()
        const text = encodeKeyFacts(key)
        assert.equal(new KeyEntry(key, undefined, text).stored, text)
        const older = new KeyEntry(key, undefined, `${text} `)
        assert.equal(older.stored, `${text} `)
        older.replace(key)
        assert.equal(older.stored, text)
    })
})

describe("wrong passphrases", () => {
    test("cost a longer wait each time, for their subject only, until a right one", () => {
        let now = 0
        const backOff = new BackOff(() => now)
        const isFree = (subject: string): boolean => {
            try {
                backOff.check(subject)
                return true
            } catch (error) {
                assert.equal(error instanceof Error && "code" in error && error.code, "overloaded")
                return false
            }
        }
        backOff.failed("a")
        backOff.failed("a")
        assert.ok(isFree("a"))
        backOff.failed("a")
        assert.ok(!isFree("a") && isFree("b"))
        now += 1_000
        assert.ok(isFree("a"))
        backOff.failed("a")
        now += 1_999
        assert.ok(!isFree("a"))
        for (let i = 0; i < 20; i += 1) backOff.failed("a")
        now += 60_000
        assert.ok(isFree("a"))
        backOff.succeeded("a")
        backOff.failed("a")
        assert.ok(isFree("a"))
    })
})

test("changes to one thing happen one after the other, and a failed one does not stop the next", async () => {
    const turns = new Turns()
    const seen: string[] = []
    const step =
        (name: string, fail = false) =>
        async () => {
            seen.push(`${name} begins`)
            await Promise.resolve()
            seen.push(`${name} ends`)
            if (fail) throw new Error(name)
        }
    await Promise.allSettled([turns.take("a", step("1", true)), turns.take("a", step("2"))])
    assert.deepEqual(seen, ["1 begins", "1 ends", "2 begins", "2 ends"])
})

/** Buffers and Uint8Arrays of the same bytes are the same to us. */
function plain(key: KeyRecord): object {
    return { ...key, publicKey: { ...key.publicKey, bytes: Buffer.from(key.publicKey.bytes).toString("hex") } }
}
