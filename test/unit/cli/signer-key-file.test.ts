import assert from "node:assert/strict"
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { readSignerKey } from "../../../src/cli/trust/signer-key-file.ts"
import {
    assembleCertificate,
    certificateScheme,
    generatePrivateKey,
    openPrivateKey,
    publicKeyToPem,
    rootCertificateTbs,
    signWith,
} from "../../../src/crypto/index.ts"
import { canonicalKeyIdOf, keyIdOf, tufKey } from "../../../src/tuf/index.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { NOW } from "./fake-terminal.ts"

const DAY = 86_400_000
let directory: Awaited<ReturnType<typeof makeWorkingDirectory>>

async function file(content: string): Promise<string> {
    const place = path.join(directory.path, randomBytes(8).toString("hex"))
    await writeFile(place, content)
    return place
}

/** Of CN alice, valid for so many days from now. */
function certificate(days: number): { pem: string; bare: ReturnType<typeof tufKey> } {
    const { pkcs8, publicKey } = generatePrivateKey("p256")
    const dates = { notBefore: new Date(NOW.getTime() - 400 * DAY), notAfter: new Date(NOW.getTime() + days * DAY) }
    const tbs = rootCertificateTbs({ gun: "alice", publicKey, serial: randomBytes(16), ...dates })
    return {
        pem: assembleCertificate(tbs, publicKey, signWith(openPrivateKey(pkcs8), certificateScheme("p256"), tbs)),
        bare: tufKey(publicKey),
    }
}

describe("a signer's key file", () => {
    before(async () => {
        directory = await makeWorkingDirectory("signer-key-file")
    })
    after(async () => {
        await directory.remove()
    })

    test("holds a public key, with docker's header or without", async () => {
        const { publicKey } = generatePrivateKey("p384")
        const pem = publicKeyToPem(publicKey)
        const withHeader = pem.replace("KEY-----\n", "KEY-----\nrole: alice\n\n")
        for (const content of [pem, withHeader]) {
            const { key, warnings } = await readSignerKey(await file(content), NOW)
            assert.equal(keyIdOf(key), keyIdOf(tufKey(publicKey)))
            assert.deepEqual(warnings, [])
        }
    })

    test("holds a certificate, whose end is announced in time and which doesn't count afterwards", async () => {
        const lasting = certificate(365)
        const { key, warnings } = await readSignerKey(await file(`some text of openssl's\n${lasting.pem}`), NOW)
        assert.equal(key.keytype, "ecdsa-x509")
        assert.equal(canonicalKeyIdOf(key), keyIdOf(lasting.bare))
        assert.deepEqual(warnings, [])
        assert.deepEqual((await readSignerKey(await file(certificate(30).pem), NOW)).warnings, ["certificate with CN alice is near expiry"])
        await assert.rejects(readSignerKey(await file(certificate(-1).pem), NOW), { code: "key_unfit", message: /alice expired on/ })
    })

    test("that is something else is refused in docker's words", async () => {
        const ed25519 = publicKeyToPem(generatePrivateKey("ed25519").publicKey)
        const pair = generateKeyPairSync("ec", { namedCurve: "P-256" })
        const secret = pair.privateKey.export({ type: "sec1", format: "pem" }).toString()
        const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" }).toString()
        const foreign = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey.export({ type: "spki", format: "pem" }).toString()
        const cases = [
            ["garbage", "key_file_invalid", /no valid public key found$/],
            [secret, "key_file_invalid", /unsupported PEM block type "EC PRIVATE KEY", expected CERTIFICATE or PUBLIC KEY$/],
            [ed25519, "key_unfit", /unknown public key format$/],
            [small, "key_unfit", /its modulus has 1024 bits/],
            [foreign, "key_unfit", /./],
            ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "key_unfit", /./],
            ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "key_file_invalid", /./],
            [`${publicKeyToPem(generatePrivateKey("p256").publicKey)}${secret}`, "key_file_invalid", /private key/],
        ] as const
        for (const [content, code, message] of cases) {
            const place = await file(content)
            await assert.rejects(readSignerKey(place, NOW), (error: Error & { code?: string }) => {
                assert.equal(error.code, code, content)
                assert.ok(error.message.startsWith(`could not parse public key from file: ${place}: `), error.message)
                assert.match(error.message, message)
                return true
            })
        }
        await assert.rejects(readSignerKey("/nowhere/alice.pub", NOW), {
            code: "not_found",
            message: "unable to read public key from file: open /nowhere/alice.pub: no such file or directory",
        })
    })
})
