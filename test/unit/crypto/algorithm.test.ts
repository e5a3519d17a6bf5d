import assert from "node:assert/strict"
import { generateKeyPairSync, type KeyObject } from "node:crypto"
import { describe, test } from "node:test"
import { algorithmOf, type PublicKeyBytes, toKeyObject } from "../../../src/crypto/index.ts"

function spki(key: KeyObject): Buffer {
    return key.export({ type: "spki", format: "der" })
}

function ecdsa(bytes: Uint8Array): PublicKeyBytes {
    return { keytype: "ecdsa", bytes }
}

describe("public keys", () => {
    const rsa1024 = spki(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey)
    const rsaOne = withExponentOne(spki(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey))
    const p256 = spki(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey)
    const unfit: ReadonlyArray<readonly [string, PublicKeyBytes]> = [
        ["RSA of 1024 bits", { keytype: "rsa", bytes: rsa1024 }],
        ["RSA with the exponent 1", { keytype: "rsa", bytes: rsaOne }],
        ["an RSA-PSS-only key", { keytype: "rsa", bytes: spki(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey) }],
        ["secp256k1", ecdsa(spki(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey))],
        ["P-224", ecdsa(spki(generateKeyPairSync("ec", { namedCurve: "secp224r1" }).publicKey))],
        ["a key of another type than it says", { keytype: "rsa", bytes: p256 }],
        ["trailing bytes", ecdsa(Buffer.concat([p256, Buffer.alloc(1)]))],
        ["a long-form length", ecdsa(Buffer.concat([Buffer.from("308159", "hex"), p256.subarray(2)]))],
        ["a compressed point", ecdsa(compressed(p256))],
        ["a hybrid point", ecdsa(hybrid(p256))],
        ["a point off the curve", ecdsa(offCurve(p256))],
        ["no bytes", ecdsa(Buffer.alloc(0))],
        ["an Ed25519 key in SPKI form", { keytype: "ed25519", bytes: spki(generateKeyPairSync("ed25519").publicKey) }],
        ["an Ed25519 key of 31 bytes", { keytype: "ed25519", bytes: Buffer.alloc(31, 1) }],
    ]
    for (const [name, key] of unfit) {
        test(`refuses ${name}`, () => {
            assert.throws(() => toKeyObject(key), { code: "key_unfit" })
            assert.throws(() => algorithmOf(key), { code: "key_unfit" })
        })
    }

    test("verifies with keys of sizes it makes none of", () => {
        const p521 = spki(generateKeyPairSync("ec", { namedCurve: "secp521r1" }).publicKey)
        assert.equal(toKeyObject(ecdsa(p521)).asymmetricKeyDetails?.namedCurve, "secp521r1")
        assert.throws(() => algorithmOf(ecdsa(p521)), { code: "key_unfit" })
    })

    test("does not trust bytes that were changed after their key was seen", () => {
        const bytes = Buffer.from(p256)
        const before = toKeyObject(ecdsa(bytes))
        spki(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey).copy(bytes)
        assert.equal(toKeyObject(ecdsa(bytes)).equals(before), false)
    })
})

function compressed(p256Spki: Buffer): Buffer {
    const odd = (p256Spki.at(-1) ?? 0) % 2
    // SEC 1 §2.3.3: 02 or 03 and x; the SEQUENCE and BIT STRING get 32 bytes shorter.
    const head = Buffer.from(p256Spki.subarray(0, 26))
    head[1] = 0x39
    head[24] = 0x22
    return Buffer.concat([head, Buffer.from([2 + odd]), p256Spki.subarray(27, 59)])
}

/** X9.62 §4.3.6: 06 or 07, and both coordinates. OpenSSL takes it, and writes it so again. */
function hybrid(p256Spki: Buffer): Buffer {
    const copy = Buffer.from(p256Spki)
    copy[26] = 6 + ((p256Spki.at(-1) ?? 0) % 2)
    return copy
}

function offCurve(p256Spki: Buffer): Buffer {
    const copy = Buffer.from(p256Spki)
    copy[90] = (copy[90] ?? 0) ^ 1
    return copy
}

/** 65537 as INTEGER is 02 03 01 00 01; 1 is 02 01 01: three lengths shrink by 2. */
function withExponentOne(rsaSpki: Buffer): Buffer {
    const jwk = Buffer.from(rsaSpki.subarray(0, rsaSpki.length - 5))
    jwk.writeUInt16BE(jwk.readUInt16BE(2) - 2, 2)
    jwk.writeUInt16BE(jwk.readUInt16BE(21) - 2, 21)
    jwk.writeUInt16BE(jwk.readUInt16BE(26) - 2, 26)
    return Buffer.concat([jwk, Buffer.from("020101", "hex")])
}
