import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { describe, test } from "node:test"
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption"
import fc from "fast-check"
import { decodeBech32, encodeBech32 } from "../../../src/crypto/bech32.ts"
import {
    ageRecipients,
    decryptBackup,
    encryptBackup,
    generatePrivateKey,
    identitiesIn,
    isAgeRecipient,
    makeAgeIdentity,
    privateKeyToPem,
    readKeyFile,
} from "../../../src/crypto/index.ts"
import { secret, textOf } from "../../support/age-files.ts"

const prefixOf = (text: string): string => text.slice(0, text.lastIndexOf("1"))

// BIP-173, "Test vectors".
const GOOD_BECH32 = ["a12uel5l", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "?1ezyfcl"]

describe("backups in the age format", () => {
    test("an identity and its recipient are the ones that the format's author makes of the same bytes", async () => {
        const { identity, recipient } = makeAgeIdentity()
        assert.equal(await identityToRecipient(textOf(identity)), recipient)
        const theirs = await generateX25519Identity()
        assert.equal(identitiesIn(secret(theirs))[0]?.recipient, await identityToRecipient(theirs))
    })

    test("a file opens for each of its recipients, by the library and by us, and for nobody else", async () => {
        const [first, second, other] = [makeAgeIdentity(), makeAgeIdentity(), makeAgeIdentity()]
        const file = await encryptBackup(secret("a private key"), [first.recipient, second.recipient])
        assert.equal(ageRecipients(file), 2)
        for (const { identity } of [first, second]) {
            const decrypter = new Decrypter()
            decrypter.addIdentity(textOf(identity))
            assert.equal(await decrypter.decrypt(file, "text"), "a private key")
            assert.equal(textOf(await decryptBackup(file, identitiesIn(identity))), "a private key")
        }
        await assert.rejects(decryptBackup(file, identitiesIn(other.identity)), { code: "open_failed" })
    })

    test("a file of the library's own opens", async () => {
        const { identity, recipient } = makeAgeIdentity()
        const encrypter = new Encrypter()
        for (const each of [makeAgeIdentity().recipient, recipient]) encrypter.addRecipient(each)
        const content = randomBytes(200_000)
        using opened = await decryptBackup(await encrypter.encrypt(content), identitiesIn(identity))
        assert.equal(
            opened.reveal((bytes) => bytes.equals(content)),
            true,
        )
    })

    test("a file with one bit changed, cut off or with more behind it does not open", async () => {
        const { identity, recipient } = makeAgeIdentity()
        const identities = identitiesIn(identity)
        const file = await encryptBackup(secret("a private key"), [recipient])
        const changed = [...file.keys()].map((at) => {
            const other = Buffer.from(file)
            other[at] = (other[at] ?? 0) ^ 1
            return other
        })
        for (const other of [...changed, file.subarray(0, -1), file.subarray(0, 200), Buffer.concat([file, Buffer.alloc(1)])])
            await assert.rejects(decryptBackup(other, identities), { code: "open_failed" })
    })

    test("what is no X25519 recipient is none, whatever it looks like", async () => {
        const { recipient, identity } = makeAgeIdentity()
        assert.equal(isAgeRecipient(recipient), true)
        const others = [
            "",
            "age1",
            recipient.toUpperCase(),
            `${recipient}q`,
            recipient.slice(0, -1),
            ` ${recipient}`,
            `${recipient.slice(0, -1)}${recipient.endsWith("q") ? "p" : "q"}`,
            textOf(identity),
            encodeBech32("age", randomBytes(31)).toString(),
            encodeBech32("age", randomBytes(33)).toString(),
            encodeBech32("agf", randomBytes(32)).toString(),
            // As typed with a letter that looks alike.
            recipient.replace("a", "\u0430"),
        ]
        for (const other of others) {
            assert.equal(isAgeRecipient(other), false, other)
            await assert.rejects(encryptBackup(secret("x"), [recipient, other]), { code: "invalid_request" }, other)
        }
        await assert.rejects(encryptBackup(secret("x"), []), { code: "invalid_request" })
    })

    test("nothing is encrypted to a point of low order, for which anybody could open it", async () => {
        for (const raw of [Buffer.alloc(32), Buffer.concat([Buffer.of(1), Buffer.alloc(31)])]) {
            const recipient = encodeBech32("age", raw).toString()
            assert.equal(isAgeRecipient(recipient), false)
            await assert.rejects(encryptBackup(secret("x"), [recipient]), { code: "invalid_request" })
        }
    })

    test("an identity file is read as age-keygen writes it, and nothing else in it is passed over", () => {
        const [first, second] = [makeAgeIdentity(), makeAgeIdentity()]
        const file = `# created: 2026-11-21\r\n# public key: ${first.recipient}\n${textOf(first.identity)}\n\n${textOf(second.identity)}\r\n`
        assert.deepEqual(
            identitiesIn(secret(file)).map(({ recipient }) => recipient),
            [first.recipient, second.recipient],
        )
        const line = textOf(first.identity)
        for (const bad of [
            "\n",
            "# nothing\n",
            first.recipient,
            line.toLowerCase(),
            `${line}\nAGE-PLUGIN-YUBIKEY-1QQQ`,
            ` ${line}`,
            `${line}X`,
        ])
            assert.throws(() => identitiesIn(secret(bad)), { code: "invalid_request" }, bad)
        assert.throws(() => identitiesIn(secret(`${line}\n`.repeat(33))), { code: "invalid_request" })
    })

    test("the header says how many recipients there are, and is binary, of X25519 recipients alone, with something behind it", async () => {
        const file = await encryptBackup(secret("x"), [makeAgeIdentity().recipient])
        const text = file.toString("latin1")
        const bad = [
            text.replace("v1", "v2"),
            text.replace("X25519", "scrypt"),
            text.replace("-> X25519", "-> x\n\n-> X25519"),
            text.replace("\n", "\r\n"),
            text.slice(0, text.indexOf("---") + 48),
            `-----BEGIN AGE ENCRYPTED FILE-----\n${file.toString("base64")}\n-----END AGE ENCRYPTED FILE-----\n`,
            ` ${text}`,
            "",
        ]
        assert.equal(ageRecipients(file), 1)
        for (const other of bad) assert.equal(ageRecipients(Buffer.from(other, "latin1")), undefined, other)
    })

    test("bech32 is BIP-173's, and every content comes back", () => {
        for (const text of GOOD_BECH32)
            assert.equal(encodeBech32(prefixOf(text), decodeBech32(prefixOf(text), Buffer.from(text)) ?? randomBytes(1)).toString(), text)
        fc.assert(
            fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom("age", "AGE-SECRET-KEY-"), (content, prefix) => {
                assert.deepEqual(decodeBech32(prefix, encodeBech32(prefix, content)), Buffer.from(content))
            }),
        )
    })

    test("a private key in PEM is read back as it was, whatever its length leaves over", () => {
        for (const algorithm of ["p256", "p384", "rsa2048"] as const) {
            const { pkcs8 } = generatePrivateKey(algorithm)
            using pem = privateKeyToPem(pkcs8)
            const expected = pkcs8.reveal((der) => der.toString("base64").replace(/.{1,64}/g, "$&\n"))
            assert.equal(textOf(pem), `-----BEGIN PRIVATE KEY-----\n${expected}-----END PRIVATE KEY-----\n`)
            const [entry] = pem.reveal(readKeyFile)
            assert.equal(entry?.open(undefined).algorithm, algorithm)
        }
    })
})
