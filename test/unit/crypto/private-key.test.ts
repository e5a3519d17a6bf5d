import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { describe, test } from "node:test"
import {
    ALGORITHMS,
    algorithmOf,
    generatePrivateKey,
    openPrivateKey,
    publicKeyOf,
    Secret,
    signWith,
    tufScheme,
    verify,
} from "../../../src/crypto/index.ts"

describe("private keys", () => {
    for (const algorithm of ALGORITHMS) {
        test(`${algorithm}: made, opened, and its signature verifies with its public key`, () => {
            const { pkcs8, publicKey } = generatePrivateKey(algorithm)
            using secret = pkcs8
            assert.deepEqual(publicKeyOf(secret), publicKey)
            assert.equal(algorithmOf(publicKey), algorithm)
            const message = Buffer.from("message")
            const signature = signWith(openPrivateKey(secret), tufScheme(algorithm), message)
            assert.equal(verify(publicKey, tufScheme(algorithm), message, signature), true)
        })
    }

    test("an Ed25519 public key is the raw 32 bytes", () => {
        const { pkcs8, publicKey } = generatePrivateKey("ed25519")
        pkcs8[Symbol.dispose]()
        assert.equal(publicKey.bytes.length, 32)
    })

    test("what is not PKCS#8 of one of our algorithms is unfit, and the error shows nothing of it", () => {
        const p521 = generateKeyPairSync("ec", { namedCurve: "secp521r1" }).privateKey.export({ type: "pkcs8", format: "der" })
        for (const bytes of [Buffer.alloc(0), Buffer.from("not a key"), p521, p521.subarray(0, 50)]) {
            using secret = new Secret(bytes)
            assert.throws(
                () => openPrivateKey(secret),
                (error: Error & { code: string }) => error.code === "key_unfit" && error.cause === undefined,
            )
        }
    })
})
