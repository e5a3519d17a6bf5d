import assert from "node:assert/strict"
import { generateKeyPairSync, type KeyObject } from "node:crypto"
import { describe, test } from "node:test"
import { checkReceipt, type DrilledKey, planDrill, receiptLines } from "../../../src/backup/index.ts"
import { canaryMessage, type PublicKeyBytes, signWith, tufScheme } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { canonicalKeyIdOf, type KeyId, tufKey } from "../../../src/tuf/index.ts"

const FACTS = {
    backup: "ab".repeat(32),
    madeAt: "2026-11-20T12:00:00.000Z",
    at: "2026-11-21T12:00:00.000Z",
    program: "trustkey 0.1.0",
}

type Pair = { readonly id: KeyId; readonly publicKey: PublicKeyBytes; readonly privateKey: KeyObject }

function pair(keytype: PublicKeyBytes["keytype"]): Pair {
    const made =
        keytype === "ecdsa"
            ? generateKeyPairSync("ec", { namedCurve: "P-256" })
            : keytype === "rsa"
              ? generateKeyPairSync("rsa", { modulusLength: 2048 })
              : generateKeyPairSync("ed25519")
    const spki = made.publicKey.export({ type: "spki", format: "der" })
    const publicKey = { keytype, bytes: keytype === "ed25519" ? spki.subarray(-32) : spki }
    return { id: canonicalKeyIdOf(tufKey(publicKey)), publicKey, privateKey: made.privateKey }
}

const PAIRS = (["ecdsa", "rsa", "ed25519", "ecdsa"] as const).map(pair)
const [HELD_BY_TOKEN, FORGOTTEN] = [pair("ecdsa"), pair("ecdsa")]

function drilled(more: readonly DrilledKey[] = []): readonly DrilledKey[] {
    return [...PAIRS.map(({ id, publicKey }) => ({ id, publicKey, place: "envelope" as const })), ...more]
}

function receipt(keys: readonly DrilledKey[] = drilled(), facts = FACTS): Buffer {
    const plan = planDrill(facts, keys)
    const schemes = { ecdsa: "p256", rsa: "rsa2048", ed25519: "ed25519" } as const
    const signatures = PAIRS.map(({ id, publicKey, privateKey }) => {
        return [id, signWith(privateKey, tufScheme(schemes[publicKey.keytype]), canaryMessage(plan.challenge))] as const
    })
    return Buffer.concat([...receiptLines(plan, new Map(signatures))])
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function refusal(bytes: Buffer): Promise<{ code: string; message: string } | undefined> {
    try {
        await checkReceipt(inPieces(bytes, 100))
        return undefined
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        return { code: error.code, message: error.message }
    }
}

describe("the receipt of a drill", () => {
    test("is signed by every restored key, and anybody checks it with it alone", async () => {
        const more = [
            { id: HELD_BY_TOKEN.id, noProof: "on-token" },
            { id: FORGOTTEN.id, noProof: "not-opened" },
        ] as const
        for (const size of [1, 7, 4096, 1_000_000]) {
            const seen: string[] = []
            const statement = await checkReceipt(inPieces(receipt(drilled(more)), size), ({ id }) => seen.push(id))
            assert.deepEqual(seen, PAIRS.map(({ id }) => id).toSorted())
            const { keysSha256, ...rest } = statement
            assert.match(keysSha256, /^[0-9a-f]{64}$/)
            assert.deepEqual(rest, { ...FACTS, keys: 6, proven: 4, notOpened: 1 })
        }
    })

    test("of a backup without keys is one line", async () => {
        assert.deepEqual((await checkReceipt(inPieces(receipt([]), 10))).keys, 0)
    })

    test("has the same challenge in whatever order the keys come, and another for anything else that is said", () => {
        const { challenge } = planDrill(FACTS, drilled())
        assert.deepEqual(planDrill(FACTS, drilled().toReversed()).challenge, challenge)
        for (const [name, value] of Object.entries({ ...FACTS, backup: "cd".repeat(32), program: "trustkey 9" })) {
            if (value === FACTS[name as keyof typeof FACTS]) continue
            assert.notDeepEqual(planDrill({ ...FACTS, [name]: value }, drilled()).challenge, challenge)
        }
        assert.notDeepEqual(planDrill(FACTS, drilled([{ id: FORGOTTEN.id, noProof: "not-opened" }])).challenge, challenge)
        assert.notDeepEqual(planDrill(FACTS, drilled().slice(1)).challenge, challenge)
    })

    test("is not made for a key that is there twice, nor without a signature", () => {
        assert.throws(() => planDrill(FACTS, [...drilled(), ...drilled().slice(0, 1)]), { code: "backup_invalid" })
        assert.throws(() => [...receiptLines(planDrill(FACTS, drilled()), new Map())], { code: "internal" })
    })

    test("with any byte changed is refused", async () => {
        const good = receipt()
        for (let at = 0; at < good.length; at += 1) {
            const bad = Buffer.from(good)
            bad[at] = (bad[at] ?? 0) ^ 1
            const found = await refusal(bad)
            assert.ok(found !== undefined, `byte ${at} changed`)
            assert.match(found.code, /^(backup_invalid|verification_failed|state_newer)$/, `byte ${at}: ${found.message}`)
        }
    })

    test("cut short anywhere is refused", async () => {
        const good = receipt()
        for (let at = 0; at < good.length; at += 13) assert.equal((await refusal(good.subarray(0, at)))?.code, "backup_invalid", `at ${at}`)
    })

    test("with lines left out, doubled, exchanged or of another drill is refused", async () => {
        const lines = [...receipt().toString().matchAll(/.*\n/g)].map(String)
        const other = [
            ...receipt(drilled(), { ...FACTS, backup: "cd".repeat(32) })
                .toString()
                .matchAll(/.*\n/g),
        ].map(String)
        const [first = "", second = "", third = "", ...rest] = lines
        for (const [what, changed, code] of [
            ["a key left out", [first, third, ...rest], "backup_invalid"],
            ["a key twice", [first, second, second, third, ...rest], "backup_invalid"],
            ["exchanged", [first, third, second, ...rest], "backup_invalid"],
            ["the statement of another drill", [other[0] ?? "", second, third, ...rest], "verification_failed"],
            ["a signature of another drill", [first, other[1] ?? "", third, ...rest], "verification_failed"],
            ["written with a space", [first.replace(",", ", "), second, third, ...rest], "backup_invalid"],
            ["a line too long", [first, `"${"a".repeat(5000)}`, third, ...rest], "backup_invalid"],
            ["a key of no kind", [first, second.replace(/"publicKey":"[^"]*"/, '"publicKey":"AAAA"'), third, ...rest], "backup_invalid"],
        ] as const) {
            assert.equal((await refusal(Buffer.from(changed.join(""))))?.code, code, what)
        }
    })

    test("that says less is missing than is, is refused: the statement counts who was not opened", async () => {
        const text = receipt(drilled([{ id: FORGOTTEN.id, noProof: "not-opened" }])).toString()
        const found = await refusal(Buffer.from(text.replace('"noProof":"not-opened"', '"noProof":"on-token"')))
        assert.deepEqual(found, { code: "backup_invalid", message: "the receipt lists other keys than its first line was made for" })
    })

    test("of a later format is called newer, not damaged", async () => {
        const found = await refusal(Buffer.from(receipt().toString().replace("trustkeyd-drill/1", "trustkeyd-drill/2")))
        assert.equal(found?.code, "state_newer")
    })
})
