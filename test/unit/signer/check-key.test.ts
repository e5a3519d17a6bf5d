import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { encryptBackup, generatePrivateKey, identitiesIn, makeAgeIdentity, privateKeyToPem, Secret } from "../../../src/crypto/index.ts"
import { checkRestore } from "../../../src/signer/file/check-key.ts"

describe("a backup that is opened again", () => {
    const { identity, recipient } = makeAgeIdentity()
    const identities = identitiesIn(identity)
    const [key, other] = [generatePrivateKey("p256"), generatePrivateKey("p256")]
    const pem = ({ pkcs8 }: typeof key): Buffer => privateKeyToPem(pkcs8).reveal((bytes) => Buffer.from(bytes))

    const restore = async (content: Buffer, whose = identities): Promise<void> =>
        checkRestore(await encryptBackup(new Secret(content), [recipient]), whose, key.publicKey)

    test("is good if the key comes out of it and signs", async () => {
        await restore(pem(key))
    })

    test("is none if another key comes out, or two, or half of one, or nothing of the kind, or not for this identity", async () => {
        await assert.rejects(restore(pem(other)), { code: "key_unfit" })
        await assert.rejects(restore(Buffer.concat([pem(key), pem(other)])), { code: "key_unfit" })
        await assert.rejects(restore(pem(key).subarray(0, 120)), { code: "key_file_invalid" })
        await assert.rejects(restore(Buffer.from("a key")), { code: "key_file_invalid" })
        await assert.rejects(restore(pem(key), identitiesIn(makeAgeIdentity().identity)), { code: "open_failed" })
    })

    test("is none if the private half is another's than the public half beside it", async () => {
        // P-256 in PKCS#8 as OpenSSL writes it: 36 bytes, the private number, 6 bytes, the public point.
        const mixed = key.pkcs8.reveal((der) => Buffer.from(der))
        other.pkcs8.reveal((der) => der.copy(mixed, 36, 36, 68))
        await assert.rejects(restore(privateKeyToPem(new Secret(mixed)).reveal((bytes) => Buffer.from(bytes))), {
            code: /^key_(?:unfit|file_invalid)$/,
        })
    })
})
