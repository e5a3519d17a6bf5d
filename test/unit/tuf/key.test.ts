import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { bareKey, canonicalKeyIdOf, certificateKey, keyIdOf, parseTufKey, type TufKey, tufKey } from "../../../src/tuf/index.ts"
import { makeKey, makeRootKey, readVector, withCode } from "./make.ts"

describe("keys", () => {
    test("a certificate has an ID of its own, and the key in it the canonical one", () => {
        const key = makeRootKey()
        assert.equal(key.tuf.keytype, "ecdsa-x509")
        assert.equal(keyIdOf(key.tuf), key.id)
        assert.notEqual(canonicalKeyIdOf(key.tuf), key.id)
        assert.equal(canonicalKeyIdOf(key.tuf), keyIdOf(tufKey(bareKey(key.tuf))))
    })

    test("a bare key's two IDs are the same", () => {
        for (const algorithm of ["p256", "p384", "rsa2048", "ed25519"] as const) {
            const { tuf, id } = makeKey(algorithm)
            assert.equal(canonicalKeyIdOf(tuf), id)
        }
    })

    test("a bundle is known by the first certificate in it", () => {
        const leaf = Buffer.from(makeRootKey().tuf.public).toString()
        const bundle = certificateKey(leaf + readVector("keys/carol.crt").toString())
        assert.equal(canonicalKeyIdOf(bundle), canonicalKeyIdOf(certificateKey(leaf)))
        assert.notEqual(keyIdOf(bundle), keyIdOf(certificateKey(leaf)))
    })

    test("a certificate gets the same ID however its PEM text is laid out", () => {
        const pem = Buffer.from(makeRootKey().tuf.public).toString()
        const oneLine = pem.replace(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, "")
        for (const text of [pem.replaceAll("\n", "\r\n"), pem.trimEnd(), `subject=x\n${pem}trailing`, oneLine]) {
            assert.equal(keyIdOf(certificateKey(text)), keyIdOf(certificateKey(pem)))
        }
    })

    test("a certificate of a type its key is not, and what is no certificate, are refused", () => {
        const lie: TufKey = { ...makeRootKey().tuf, keytype: "rsa-x509" }
        assert.throws(() => bareKey(lie), withCode("metadata_rejected"))
        assert.throws(() => certificateKey("nothing"), withCode("metadata_rejected"))
        assert.throws(() => bareKey({ keytype: "ecdsa-x509", public: Buffer.from("nothing") }), withCode("metadata_rejected"))
    })

    test("a server's key answer is read whatever the order of its members", () => {
        const { tuf, id } = makeKey()
        const text = `{"keytype":"ecdsa","keyval":{"public":"${Buffer.from(tuf.public).toString("base64")}","private":null}}`
        assert.equal(keyIdOf(parseTufKey(Buffer.from(text))), id)
        assert.throws(() => parseTufKey(Buffer.from(text.replace("null", '"c2VjcmV0"'))), withCode("metadata_rejected"))
        assert.throws(() => parseTufKey(Buffer.from(text.replace("ecdsa", "sphincs"))), withCode("metadata_rejected"))
    })
})
