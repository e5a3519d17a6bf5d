import assert from "node:assert/strict"
import { constants, sign as nodeSign } from "node:crypto"
import { describe, test } from "node:test"
import fc from "fast-check"
import {
    type Algorithm,
    certificateScheme,
    derToRaw,
    generatePrivateKey,
    openPrivateKey,
    rawToDer,
    type Scheme,
    signWith,
    tufScheme,
    verify,
} from "../../../src/crypto/index.ts"

const MESSAGE = Buffer.from('{"_type":"Targets"}')
const SCHEMES: readonly Scheme[] = ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa"]

function keyOf(algorithm: Algorithm) {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    using secret = pkcs8
    return { privateKey: openPrivateKey(secret), publicKey }
}

const p256 = keyOf("p256")
const p384 = keyOf("p384")
const rsa = keyOf("rsa2048")
const ed25519 = keyOf("ed25519")

const N256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

describe("signatures", () => {
    const made = [
        { name: "p256", key: p256, scheme: tufScheme("p256"), length: 64 },
        { name: "p384", key: p384, scheme: tufScheme("p384"), length: 96 },
        { name: "rsa2048", key: rsa, scheme: tufScheme("rsa2048"), length: 256 },
        { name: "rsa2048 in a certificate", key: rsa, scheme: certificateScheme("rsa2048"), length: 256 },
        { name: "ed25519", key: ed25519, scheme: tufScheme("ed25519"), length: 64 },
    ]
    for (const { name, key, scheme, length } of made) {
        test(`${name}: ours has ${length} bytes and verifies; another message, or any other length, does not`, () => {
            const signature = signWith(key.privateKey, scheme, MESSAGE)
            assert.equal(signature.length, length)
            assert.equal(verify(key.publicKey, scheme, MESSAGE, signature), true)
            assert.equal(verify(key.publicKey, scheme, Buffer.from("other"), signature), false)
            assert.equal(verify(key.publicKey, scheme, MESSAGE, signature.subarray(1)), false)
            assert.equal(verify(key.publicKey, scheme, MESSAGE, Buffer.concat([signature, Buffer.alloc(1)])), false)
            assert.equal(verify(key.publicKey, scheme, MESSAGE, Buffer.alloc(0)), false)
            for (const other of SCHEMES.filter((one) => one !== scheme)) {
                assert.equal(verify(key.publicKey, other, MESSAGE, signature), false)
            }
        })
    }

    test("P-384 is hashed with SHA-256, as Notary does it", () => {
        const signature = nodeSign("sha256", MESSAGE, { key: p384.privateKey, dsaEncoding: "ieee-p1363" })
        assert.equal(verify(p384.publicKey, "ecdsa", MESSAGE, signature), true)
        const sha384 = nodeSign("sha384", MESSAGE, { key: p384.privateKey, dsaEncoding: "ieee-p1363" })
        assert.equal(verify(p384.publicKey, "ecdsa", MESSAGE, sha384), false)
    })

    test("r and s are within 1 and n - 1", () => {
        const good = signWith(p256.privateKey, "ecdsa", MESSAGE)
        const [r, s] = [good.subarray(0, 32), good.subarray(32)]
        const n = Buffer.from(N256, "hex")
        const out = [Buffer.alloc(32), n, Buffer.alloc(32, 0xff)]
        for (const bad of out) {
            assert.equal(verify(p256.publicKey, "ecdsa", MESSAGE, Buffer.concat([bad, s])), false)
            assert.equal(verify(p256.publicKey, "ecdsa", MESSAGE, Buffer.concat([r, bad])), false)
        }
    })

    test("has no low-S rule, as Notary has none", () => {
        const good = signWith(p256.privateKey, "ecdsa", MESSAGE)
        const mirrored = BigInt(`0x${N256}`) - BigInt(`0x${good.subarray(32).toString("hex")}`)
        const other = Buffer.concat([good.subarray(0, 32), Buffer.from(mirrored.toString(16).padStart(64, "0"), "hex")])
        assert.equal(verify(p256.publicKey, "ecdsa", MESSAGE, other), true)
    })

    test("a DER-encoded ECDSA signature is none of TUF's", () => {
        const der = nodeSign("sha256", MESSAGE, p256.privateKey)
        assert.equal(verify(p256.publicKey, "ecdsa", MESSAGE, der), false)
    })

    for (const saltLength of [0, 20, 31, 33, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
        test(`refuses PSS with a salt of ${saltLength}`, () => {
            const signature = nodeSign("sha256", MESSAGE, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
            assert.equal(verify(rsa.publicKey, "rsapss", MESSAGE, signature), false)
        })
    }

    test("a key too short, a curve unknown and a key that is none are bad signatures, not errors", () => {
        for (const scheme of SCHEMES) {
            assert.equal(verify({ keytype: "rsa", bytes: Buffer.alloc(10) }, scheme, MESSAGE, Buffer.alloc(64)), false)
            assert.equal(verify({ keytype: "ed25519", bytes: Buffer.alloc(0) }, scheme, MESSAGE, Buffer.alloc(64)), false)
        }
    })

    test("whatever bytes come, verify answers and does not throw", () => {
        const keys = [p256, p384, rsa, ed25519].map(({ publicKey }) => publicKey)
        fc.assert(
            fc.property(
                fc.constantFrom(...keys),
                fc.constantFrom(...SCHEMES),
                fc.uint8Array({ maxLength: 300 }),
                (key, scheme, signature) => !verify(key, scheme, MESSAGE, signature),
            ),
            { numRuns: 200 },
        )
    })

    test("refuses to sign in a way its key can't", () => {
        assert.throws(() => signWith(p256.privateKey, "rsapss", MESSAGE), { code: "key_unfit" })
        assert.throws(() => signWith(ed25519.privateKey, "ecdsa", MESSAGE), { code: "key_unfit" })
        assert.throws(() => certificateScheme("ed25519"), { code: "key_unfit" })
    })
})

describe("ECDSA encodings", () => {
    for (const size of [32, 48]) {
        test(`r ‖ s of ${size} bytes each survives DER and back`, () => {
            fc.assert(
                fc.property(fc.uint8Array({ minLength: size * 2, maxLength: size * 2 }), (raw) => {
                    assert.deepEqual(Buffer.from(derToRaw(rawToDer(raw), size)), Buffer.from(raw))
                }),
            )
        })
    }

    test("agrees with OpenSSL's DER", () => {
        const der = nodeSign("sha256", MESSAGE, p256.privateKey)
        const raw = derToRaw(der, 32)
        assert.deepEqual(Buffer.from(rawToDer(raw)), der)
        assert.equal(verify(p256.publicKey, "ecdsa", MESSAGE, raw), true)
    })

    const bad = {
        nothing: "",
        "a lone INTEGER": "020101",
        "one number": "3003020101",
        "three numbers": "3009020101020101020101",
        "a negative number": "3006020181020101",
        "a padded number": "300702020001020101",
        "a number too long": `3026022101${"00".repeat(32)}020101`,
        "trailing bytes": "300602010102010100",
        "a long-form length": "308106020101020101",
        "an indefinite length": "30800201010201010000",
        "an empty number": "30050200020101",
    }
    for (const [name, der] of Object.entries(bad)) {
        test(`DER with ${name} is refused`, () => {
            assert.throws(() => derToRaw(Buffer.from(der, "hex"), 32), { code: "bad_signature" })
        })
    }

    test("raw halves that are not equal are refused", () => {
        assert.throws(() => rawToDer(Buffer.alloc(63)), { code: "bad_signature" })
        assert.throws(() => rawToDer(Buffer.alloc(0)), { code: "bad_signature" })
    })
})
