import assert from "node:assert/strict"
import { describe, test } from "node:test"
import fc from "fast-check"
import { generatePrivateKey, KeyFileWriter, readKeyFile } from "../../../src/crypto/index.ts"
import { LEAST_ROUNDS } from "../../../src/crypto/write-key-file.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"
import { only, secret } from "./key-file-make.ts"

const PASSPHRASE = "a passphrase of the tests"
const HEADERS = { role: "targets", gun: "registry.example.com/team/app", path: "0".repeat(64) }

describe("key files that are written for other programs", () => {
    const { pkcs8, publicKey } = generatePrivateKey("p256")
    const open = (format: "notary" | "pkcs8"): Promise<KeyFileWriter> => KeyFileWriter.open(format, secret(PASSPHRASE), LEAST_ROUNDS)

    for (const algorithm of ["p256", "p384", "rsa2048", "ed25519"] as const) {
        for (const format of ["notary", "pkcs8"] as const) {
            test(`${algorithm} as ${format} is encrypted, and the same key again with its passphrase alone`, async () => {
                const made = generatePrivateKey(algorithm)
                using writer = await open(format)
                const text = writer.write(made.pkcs8, format === "notary" ? HEADERS : undefined)
                const entry = only(text)
                const prf = format === "notary" ? "hmacWithSHA1" : "hmacWithSHA256"
                assert.deepEqual(entry.encryption, { kind: "pbes2", iterations: LEAST_ROUNDS, prf, cipher: "AES-256-CBC" })
                assert.deepEqual(entry.open(secret(PASSPHRASE)).publicKey, made.publicKey)
                assert.throws(() => entry.open(secret(`${PASSPHRASE}x`)), { code: "open_failed" })
                assert.equal(
                    made.pkcs8.reveal((der) => text.includes(der.toString("base64").slice(48, 64))),
                    false,
                )
            })
        }
    }

    test("without being told, as many rounds as are asked for today: nothing that is read back is warned of", async () => {
        for (const [format, rounds] of [
            ["notary", 1_300_000],
            ["pkcs8", 600_000],
        ] as const) {
            using writer = await KeyFileWriter.open(format, secret(PASSPHRASE))
            const { encryption } = only(writer.write(pkcs8))
            assert.equal(encryption.kind === "pbes2" ? encryption.iterations : 0, rounds)
        }
        await assert.rejects(KeyFileWriter.open("notary", secret(PASSPHRASE), 2048), { code: "internal" })
    })

    test("Notary's headers stand sorted before an empty line; OpenSSL's form has none", async () => {
        using notary = await open("notary")
        const lines = notary.write(pkcs8, HEADERS).toString().split("\n")
        assert.deepEqual(lines.slice(0, 5), [
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "gun: registry.example.com/team/app",
            `path: ${HEADERS.path}`,
            "role: targets",
            "",
        ])
        const root = notary.write(pkcs8, { ...HEADERS, role: "root", gun: "" }).toString()
        assert.doesNotMatch(root, /^gun:/m)
        using plain = await open("pkcs8")
        assert.match(plain.write(pkcs8).toString(), /^-----BEGIN ENCRYPTED PRIVATE KEY-----\nMI[A-Za-z0-9+/]{62}\n/)
    })

    test("many keys under one passphrase, each encrypted by itself", async () => {
        using writer = await open("notary")
        const files = Array.from({ length: 20 }, () => writer.write(pkcs8, HEADERS).toString())
        assert.equal(new Set(files.map((text) => text.split("\n").at(-4))).size, files.length)
        for (const entry of readKeyFile(Buffer.from(files.join(""))))
            assert.equal(canonicalKeyIdOf(tufKey(entry.open(secret(PASSPHRASE)).publicKey)), canonicalKeyIdOf(tufKey(publicKey)))
    })

    test("a header comes back as it was given, or is refused: none makes another header of itself", async () => {
        using writer = await open("notary")
        for (const role of ["a\nrole: root", "a\r", "a\u2028b", " a", "a ", "a\0", "\u200bа", "x".repeat(513)])
            assert.throws(() => writer.write(pkcs8, { ...HEADERS, role }), { code: "invalid_request" }, JSON.stringify(role))
        fc.assert(
            fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), (role) => {
                let text: Buffer
                try {
                    text = writer.write(pkcs8, { ...HEADERS, role })
                } catch {
                    return
                }
                const entry = only(text)
                assert.deepEqual([entry.role, entry.gun, entry.path], [role, HEADERS.gun, HEADERS.path])
            }),
        )
    })
})
