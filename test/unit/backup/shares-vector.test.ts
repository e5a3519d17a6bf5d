import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, test } from "node:test"
import { checkShare, combineShares, encodeShareSet, parseShare, parseShareSet, shareText } from "../../../src/backup/index.ts"
import { secret, textOf } from "../../support/age-files.ts"
import { readVector } from "../crypto/vector.ts"

// The second half is written from docs/formats/backup-shares.md and BIP-173, sharing nothing with src: if it reads the vector, the page is complete.

const vector = readVector("backup-shares.md")
const texts = [1, 2, 3].map((number) => vector(`share ${number}`))

const ALPHABET = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

function bytesOfBech32(text: string): Buffer {
    const digits = [...text.slice(text.indexOf("1") + 1, -6)]
        .map((character) => ALPHABET.indexOf(character).toString(2).padStart(5, "0"))
        .join("")
    return Buffer.from((digits.match(/.{8}/g) ?? []).map((bits) => Number.parseInt(bits, 2)))
}

function times(left: number, right: number): number {
    let [product, shifted] = [0, left]
    for (let rest = right; rest > 0; rest >>= 1) {
        if ((rest & 1) === 1) product ^= shifted
        shifted = (shifted << 1) ^ (shifted > 127 ? 0x11b : 0)
    }
    return product
}

function inverse(of: number): number {
    return Array.from({ length: 255 }, (_, index) => index + 1).find((each) => times(of, each) === 1) ?? 0
}

function atZero(values: readonly Buffer[]): Buffer {
    const places = values.map((value) => value[36] ?? 0)
    return Buffer.from(
        Array.from({ length: 36 }, (_, at) =>
            values.reduce((sum, value, own) => {
                const factors = places
                    .filter((_place, other) => other !== own)
                    .map((place) => times(place, inverse(place ^ (places[own] ?? 0))))
                return sum ^ factors.reduce(times, value[at] ?? 0)
            }, 0),
        ),
    )
}

function sha256(...parts: readonly (string | Uint8Array)[]): Buffer {
    const hash = createHash("sha256")
    for (const part of parts) hash.update(part)
    return hash.digest()
}

describe("the vector of docs/formats/backup-shares.md", () => {
    test("is read by trustkey: each share is right, and any two give the identity", async () => {
        const set = parseShareSet(Buffer.from(vector("public file")))
        assert.equal(encodeShareSet(set).toString(), vector("public file"))
        const shares = texts.map((text) => parseShare(secret(text)))
        for (const [index, share] of shares.entries()) {
            checkShare(share, set)
            assert.equal(textOf(shareText(share)), texts[index])
            const { identity } = await combineShares(shares.toSpliced(index, 1), set)
            assert.equal(textOf(identity), vector("identity"))
        }
    })

    test("is read by the page alone", () => {
        const { commitments, format, recipient, set, threshold, ...others } = JSON.parse(vector("public file"))
        assert.deepEqual([format, threshold, others], ["trustkey-backup-shares/1", 2, {}])
        const numbers = Buffer.of(2, 3)
        const hashes = commitments.map((text: string) => Buffer.from(text, "hex"))
        assert.equal(sha256("trustkey-backup-shares/1 set", numbers, recipient, ...hashes).toString("hex", 0, 10), set)
        const values = texts.map((text, index) => {
            const bytes = bytesOfBech32(text)
            assert.equal(bytes.subarray(0, 13).toString("hex"), `01${set}020${index + 1}`)
            const value = bytes.subarray(13)
            assert.equal(value.length, 37)
            assert.deepEqual(sha256("trustkey-backup-shares/1 commitment", Buffer.of(2, index + 1), value), hashes[index])
            return value
        })
        const identity = bytesOfBech32(vector("identity"))
        for (const index of values.keys()) {
            const found = atZero(values.toSpliced(index, 1))
            assert.deepEqual(found, Buffer.concat([identity, sha256("trustkey-backup-shares/1 check", identity).subarray(0, 4)]))
        }
    })
})
