import assert from "node:assert/strict"
import { createPrivateKey, createPublicKey } from "node:crypto"
import { describe, test } from "node:test"
import { ALGORITHMS, generatePrivateKey, readPrivateNumbers, Secret } from "../../../src/crypto/index.ts"

const NUMBERS = { p256: 1, p384: 1, ed25519: 1, rsa2048: 5, rsa3072: 5, rsa4096: 5 } as const
const SIZE = { p256: 32, p384: 48, ed25519: 32, rsa2048: 128, rsa3072: 192, rsa4096: 256 } as const

describe("the numbers of a private key", () => {
    for (const algorithm of ALGORITHMS) {
        test(`of kind ${algorithm} are those OpenSSL reads, each filled up to its length`, () => {
            const { pkcs8, publicKey } = generatePrivateKey(algorithm)
            using found = readPrivateNumbers(pkcs8)
            const jwk = pkcs8.reveal((der) => createPrivateKey({ key: der, type: "pkcs8", format: "der" }).export({ format: "jwk" }))
            const expected = algorithm.startsWith("rsa") ? [jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi] : [jwk.d]
            assert.equal(found.numbers.length, NUMBERS[algorithm])
            assert.deepEqual(
                found.numbers.map((number) => number.reveal((bytes) => bytes.toString("hex"))),
                expected.map((number) =>
                    Buffer.from(number ?? "", "base64url")
                        .toString("hex")
                        .padStart(2 * SIZE[algorithm], "0"),
                ),
            )
            assert.deepEqual([found.algorithm, Buffer.from(found.publicKey.bytes)], [algorithm, Buffer.from(publicKey.bytes)])
        })
    }

    test("with zeros in front keep their length", () => {
        // RFC 5915 lets the number be as long as the curve's order: this one begins with two zeros.
        const d = Buffer.concat([Buffer.alloc(2), Buffer.alloc(30, 0x5a)])
        const sec1 = Buffer.concat([Buffer.from("30310201010420", "hex"), d, Buffer.from("a00a06082a8648ce3d030107", "hex")])
        const key = createPrivateKey({ key: sec1, type: "sec1", format: "der" })
        using pkcs8 = new Secret(key.export({ type: "pkcs8", format: "der" }))
        using found = readPrivateNumbers(pkcs8)
        found.numbers[0]?.reveal((bytes) => assert.deepEqual(bytes, d))
        assert.deepEqual(Buffer.from(found.publicKey.bytes), createPublicKey(key).export({ type: "spki", format: "der" }))
    })

    test("are wiped together", () => {
        const found = readPrivateNumbers(generatePrivateKey("rsa2048").pkcs8)
        found[Symbol.dispose]()
        for (const number of found.numbers) assert.throws(() => number.reveal((bytes) => bytes.length), { code: "internal" })
    })

    test("are none when the key is of no kind of ours", () => {
        for (const wrong of ["", "3000", "not a key"]) {
            using secret = new Secret(Buffer.from(wrong))
            assert.throws(() => readPrivateNumbers(secret), { code: "key_unfit" })
        }
    })
})
