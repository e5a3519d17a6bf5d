import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { after, describe, test } from "node:test"
import { type OpenedKey, publicKeyOf } from "../../src/crypto/index.ts"
import { only, open, secret } from "../unit/crypto/key-file-make.ts"

function spkiOf({ publicKey }: OpenedKey): Buffer {
    return Buffer.from(publicKey.bytes)
}

function checkOpened({ pkcs8, publicKey }: OpenedKey): void {
    assert.deepEqual(publicKeyOf(pkcs8), publicKey)
}

describe("private key files of OpenSSL", () => {
    const directory = mkdtempSync(path.join(tmpdir(), "trustkeyd-key-file-"))
    after(() => rmSync(directory, { recursive: true }))
    const place = (name: string): string => path.join(directory, name)

    function openssl(...args: readonly string[]): void {
        execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] })
    }

    /** A file with this key in clear, to be converted. */
    function keyFile(name: string, key: KeyObject): string {
        const file = place(`${name}.pem`)
        writeFileSync(file, key.export({ type: "pkcs8", format: "pem" }))
        return file
    }

    const spki = (key: KeyObject): Buffer => createPublicKey(key).export({ type: "spki", format: "der" })
    const p256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey
    const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
    const source = keyFile("p256", p256)

    for (const prf of ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"]) {
        for (const cipher of ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"]) {
            test(`PBES2 with hmacWith${prf} and ${cipher}`, () => {
                const file = place("pbes2.pem")
                const form = ["-topk8", "-v2", cipher, "-v2prf", `hmacWith${prf}`, "-iter", "3000"]
                openssl("pkcs8", ...form, "-in", source, "-out", file, "-passout", "pass:open sesame")
                const entry = only(readFileSync(file))
                assert.deepEqual(entry.encryption, { kind: "pbes2", iterations: 3000, prf: `hmacWith${prf}`, cipher: cipher.toUpperCase() })
                assert.deepEqual(spkiOf(entry.open(secret("open sesame"))), spki(p256))
                assert.throws(() => entry.open(secret("open sesam")), { code: "open_failed" })
            })
        }
    }

    for (const cipher of ["aes128", "aes192", "aes256", "des3"]) {
        for (const [name, key, tool] of [
            ["EC", p384, "ec"],
            ["RSA", rsa, "rsa"],
        ] as const) {
            test(`${name} with DEK-Info and ${cipher}`, () => {
                const file = place("dek.pem")
                const traditional = tool === "rsa" ? ["-traditional"] : []
                openssl(tool, ...traditional, `-${cipher}`, "-in", keyFile(name, key), "-out", file, "-passout", "pass:open sesame")
                const entry = only(readFileSync(file))
                assert.equal(entry.encryption.kind, "dek-info")
                assert.equal(entry.blockType, `${name} PRIVATE KEY`)
                const opened = entry.open(secret("open sesame"))
                assert.deepEqual(spkiOf(opened), spki(key))
                checkOpened(opened)
                assert.throws(() => entry.open(secret("open sesam")), { code: "open_failed" })
            })
        }
    }

    test("every algorithm of ours, in clear, in every form OpenSSL writes; what comes out is what OpenSSL writes itself", () => {
        for (const [key, type] of [
            [p256, "sec1"],
            [p384, "sec1"],
            [rsa, "pkcs1"],
        ] as const) {
            const whole = key.export({ type: "pkcs8", format: "der" })
            const texts = [key.export({ type: "pkcs8", format: "pem" }), key.export({ type, format: "pem" })]
            for (const text of texts) assert.ok(open(text.toString()).pkcs8.reveal((der) => der.equals(whole)))
        }
        const ed25519 = generateKeyPairSync("ed25519").privateKey
        const opened = open(ed25519.export({ type: "pkcs8", format: "pem" }).toString())
        assert.ok(opened.pkcs8.reveal((der) => der.equals(ed25519.export({ type: "pkcs8", format: "der" }))))
    })

    test("a P-256 key with its parameters before it, as openssl ecparam writes them, and without its public half", () => {
        const file = place("ecparam.pem")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", file)
        assert.match(readFileSync(file, "utf8"), /EC PARAMETERS/)
        checkOpened(open(readFileSync(file)))
        const lean = place("lean.pem")
        openssl("ec", "-in", source, "-no_public", "-out", lean)
        assert.deepEqual(spkiOf(open(readFileSync(lean))), spki(p256))
        const compressed = place("compressed.pem")
        openssl("ec", "-in", source, "-conv_form", "compressed", "-out", compressed)
        assert.deepEqual(spkiOf(open(readFileSync(compressed))), spki(p256))
    })

    test("a passphrase may be any bytes, and empty", () => {
        const file = place("odd.pem")
        for (const passphrase of ["", "é \u{1f512} \\ \"'"]) {
            openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", source, "-out", file, "-passout", `pass:${passphrase}`)
            assert.deepEqual(spkiOf(open(readFileSync(file), passphrase)), spki(p256))
        }
    })
})
