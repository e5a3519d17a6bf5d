import assert from "node:assert/strict"
import { createHash, generateKeyPairSync } from "node:crypto"
import { describe, test } from "node:test"
import type { Algorithm, Scheme } from "../../../src/crypto/index.ts"
import { canaryMessage, parseSchemeByte, schemeByte } from "../../../src/signer/messages.ts"
import { CKK_EC, CKK_EC_EDWARDS, prepare, signatureLength } from "../../../src/signer/pkcs11/mechanisms.ts"
import { keyFromPoint } from "../../../src/signer/pkcs11/objects.ts"
import { parseJson } from "../../../src/tuf/index.ts"

const MESSAGE = Buffer.from("what is signed")
const DIGEST = createHash("sha256").update(MESSAGE).digest()

describe("mechanisms", () => {
    test("ECDSA gets exactly a SHA-256 digest, on P-384 too", () => {
        for (const algorithm of ["p256", "p384"] as const) {
            const { mechanism, input } = prepare(algorithm, "ecdsa", MESSAGE)
            assert.equal(mechanism.mechanism, 0x1041)
            assert.deepEqual(input, DIGEST)
        }
    })
    test("PKCS#1 v1.5 gets a DigestInfo, PSS a digest, EdDSA the message", () => {
        const pkcs1 = prepare("rsa2048", "rsapkcs1v15", MESSAGE)
        assert.equal(pkcs1.mechanism.mechanism, 0x01)
        assert.equal(pkcs1.input.toString("hex"), `3031300d060960864801650304020105000420${DIGEST.toString("hex")}`)
        const pss = prepare("rsa3072", "rsapss", MESSAGE)
        assert.equal(pss.mechanism.mechanism, 0x0d)
        assert.deepEqual(pss.mechanism.parameter, { type: 5, hashAlg: 0x250, mgf: 2, saltLen: 32 })
        assert.deepEqual(pss.input, DIGEST)
        assert.deepEqual(prepare("ed25519", "eddsa", MESSAGE).input, MESSAGE)
    })
    test("a key of one kind makes no signature of another", () => {
        const wrong: [Algorithm, Scheme][] = [
            ["p256", "rsapss"],
            ["p384", "eddsa"],
            ["ed25519", "ecdsa"],
            ["rsa2048", "ecdsa"],
            ["rsa4096", "eddsa"],
            ["ed25519", "rsapkcs1v15"],
        ]
        for (const [algorithm, scheme] of wrong) {
            assert.throws(() => prepare(algorithm, scheme, MESSAGE), { code: "key_unfit" })
        }
    })
    test("the buffer for a signature has the signature's length", () => {
        const lengths = (["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"] as const).map(signatureLength)
        assert.deepEqual(lengths, [64, 96, 256, 384, 512, 64])
    })
    test("a scheme survives its byte, and no other byte is one", () => {
        for (const scheme of ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa"] as const) assert.equal(parseSchemeByte(schemeByte(scheme)), scheme)
        for (const byte of [0, 5, 255]) assert.throws(() => parseSchemeByte(byte))
    })
})

describe("EC points", () => {
    test("are read DER-wrapped and bare, and decide the curve", () => {
        for (const [namedCurve, size] of [
            ["P-256", 65],
            ["P-384", 97],
        ] as const) {
            const spki = generateKeyPairSync("ec", { namedCurve }).publicKey.export({ type: "spki", format: "der" })
            const point = spki.subarray(-size)
            for (const form of [point, Buffer.concat([Buffer.from([4, size]), point])]) {
                assert.deepEqual(keyFromPoint(form, CKK_EC), { keytype: "ecdsa", bytes: spki })
            }
        }
        const raw = Buffer.alloc(32, 9)
        for (const form of [raw, Buffer.concat([Buffer.from([4, 32]), raw])]) {
            assert.deepEqual(keyFromPoint(form, CKK_EC_EDWARDS), { keytype: "ed25519", bytes: raw })
        }
    })

    test("a bare point whose coordinate begins like the length of a shorter one is that point", () => {
        for (const [namedCurve, length] of [
            ["P-256", 65],
            ["P-384", 97],
        ] as const) {
            for (let tries = 0; ; tries += 1) {
                assert.ok(tries < 50_000, "no such key was found")
                const spki = generateKeyPairSync("ec", { namedCurve }).publicKey.export({ type: "spki", format: "der" })
                const point = spki.subarray(-length)
                if (point[1] !== length - 2) continue
                assert.deepEqual(keyFromPoint(point, CKK_EC), { keytype: "ecdsa", bytes: spki })
                break
            }
        }
    })
    test("off the curve, compressed or of odd length are no keys", () => {
        for (const point of [Buffer.alloc(65, 4), Buffer.alloc(33, 2), Buffer.alloc(0), Buffer.alloc(32)]) {
            assert.equal(keyFromPoint(point, CKK_EC), undefined)
        }
    })
})

test("TK-SIG-1 a canary can be taken for neither metadata nor a certificate", () => {
    const canary = canaryMessage(Buffer.alloc(32, 0x7b))
    assert.equal(canary.toString("latin1"), `trustkeyd canary v1\n${"{".repeat(32)}`)
    assert.throws(() => parseJson(canary), { code: "metadata_rejected" })
    // DER of a certificate begins with SEQUENCE.
    assert.notEqual(canary[0], 0x30)
})
