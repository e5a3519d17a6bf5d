import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import {
    ALGORITHMS,
    type Algorithm,
    assembleCertificate,
    certificateScheme,
    derToRaw,
    generatePrivateKey,
    openPrivateKey,
    parseCertificateChain,
    pemToPublicKey,
    publicKeyOf,
    publicKeyToPem,
    rawToDer,
    rootCertificateTbs,
    Secret,
    signWith,
    tufScheme,
    verify,
} from "../../src/crypto/index.ts"
import { mustRun, runCommand } from "../support/process.ts"
import { makeWorkingDirectory } from "../support/temp.ts"

const GUN = "localhost:5000/team_a/app"
const MESSAGE = Buffer.from('{"_type":"Targets","version":1}')

const PSS = ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32", "-pkeyopt", "rsa_mgf1_md:sha256"]

/** What `openssl genpkey` takes to make the same kind of key. */
const GENPKEY: Readonly<Record<Algorithm, readonly string[]>> = {
    p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    rsa2048: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    rsa3072: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    rsa4096: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    ed25519: ["-algorithm", "ED25519"],
}

/** Names files in a directory of its own and runs openssl there. */
async function openBench() {
    const directory = await makeWorkingDirectory("openssl")
    return {
        put: (name: string, content: string | Uint8Array) => writeFile(path.join(directory.path, name), content),
        run: (args: readonly string[], input?: Uint8Array) =>
            mustRun("openssl", args, { cwd: directory.path, ...(input === undefined ? {} : { input }) }),
        fails: async (args: readonly string[]) => (await runCommand("openssl", args, { cwd: directory.path })).status !== 0,
        get: (name: string) => readFile(path.join(directory.path, name)),
        [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    }
}

/** Arguments of pkeyutl for a signature of ours. */
function pkeyutl(algorithm: Algorithm): readonly string[] {
    switch (tufScheme(algorithm)) {
        case "ecdsa":
        case "rsapkcs1v15":
            return ["-rawin", "-digest", "sha256"]
        case "rsapss":
            return ["-rawin", "-digest", "sha256", ...PSS]
        case "eddsa":
            return ["-rawin"]
    }
}

function isEc(algorithm: Algorithm): boolean {
    return tufScheme(algorithm) === "ecdsa"
}

describe("OpenSSL's opinion", () => {
    for (const algorithm of ALGORITHMS) {
        test(`${algorithm}: reads our keys and verifies our signature, but not over anything else`, async () => {
            await using bench = await openBench()
            const { pkcs8, publicKey } = generatePrivateKey(algorithm)
            using secret = pkcs8
            await bench.put(
                "key.der",
                secret.reveal((bytes) => Buffer.from(bytes)),
            )
            await bench.run(["pkey", "-inform", "DER", "-in", "key.der", "-pubout", "-out", "public.pem"])
            const theirs = (await bench.get("public.pem")).toString()
            assert.equal(theirs, publicKeyToPem(publicKey))

            const raw = signWith(openPrivateKey(secret), tufScheme(algorithm), MESSAGE)
            await bench.put("signature", isEc(algorithm) ? rawToDer(raw) : raw)
            await bench.put("message", MESSAGE)
            await bench.put("other", "other")
            const check = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-sigfile", "signature", ...pkeyutl(algorithm)]
            assert.match(await bench.run([...check, "-in", "message"]), /Signature Verified Successfully/)
            assert.equal(await bench.fails([...check, "-in", "other"]), true)
        })

        test(`${algorithm}: we read its keys, sign with them, and verify what it signed`, async () => {
            await using bench = await openBench()
            await bench.run(["genpkey", ...GENPKEY[algorithm], "-out", "key.pem"])
            await bench.run(["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER", "-out", "key.der"])
            await bench.run(["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"])
            using secret = new Secret(await bench.get("key.der"))
            const publicKey = publicKeyOf(secret)
            const fromPem = pemToPublicKey((await bench.get("public.pem")).toString())
            assert.deepEqual(Buffer.from(fromPem.bytes), Buffer.from(publicKey.bytes))
            const scheme = tufScheme(algorithm)
            assert.equal(verify(publicKey, scheme, MESSAGE, signWith(openPrivateKey(secret), scheme, MESSAGE)), true)
            await bench.put("message", MESSAGE)
            await bench.run(["pkeyutl", "-sign", "-inkey", "key.pem", "-in", "message", "-out", "signature", ...pkeyutl(algorithm)])
            const theirs = await bench.get("signature")
            const signature = isEc(algorithm) ? derToRaw(theirs, algorithm === "p256" ? 32 : 48) : theirs
            assert.equal(verify(publicKey, scheme, MESSAGE, signature), true)
        })
    }

    for (const algorithm of ["p256", "p384", "rsa2048"] as const) {
        test(`${algorithm}: a root certificate of ours verifies as its own issuer and shows the fields Notary's have`, async () => {
            await using bench = await openBench()
            const { pkcs8, publicKey } = generatePrivateKey(algorithm)
            using secret = pkcs8
            const notBefore = new Date(Date.now() - 60_000)
            const notAfter = new Date(notBefore.getTime() + 3650 * 86_400_000)
            const tbs = rootCertificateTbs({ gun: GUN, publicKey, serial: Buffer.alloc(16, 0x81), notBefore, notAfter })
            const signature = signWith(openPrivateKey(secret), certificateScheme(algorithm), tbs)
            await bench.put("root.pem", assembleCertificate(tbs, publicKey, signature))

            assert.match(await bench.run(["verify", "-check_ss_sig", "-CAfile", "root.pem", "root.pem"]), /root\.pem: OK/)
            const text = await bench.run(["x509", "-in", "root.pem", "-noout", "-text", "-nameopt", "RFC2253"])
            assert.match(text, /Version: 3 \(0x2\)/)
            assert.match(text, /Serial Number:\s+(81:){15}81/)
            assert.match(text, new RegExp(`Issuer: CN=${GUN}\\n`))
            assert.match(text, new RegExp(`Subject: CN=${GUN}\\n`))
            assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/)
            assert.match(text, /X509v3 Extended Key Usage: \n\s+Code Signing\n/)
            assert.match(text, /X509v3 Basic Constraints: critical\s+CA:FALSE\n/)
            assert.doesNotMatch(text, /Key Identifier/)
        })
    }

    test("we see what makes a certificate unfit for a root: an authority, an outdated signature", async () => {
        await using bench = await openBench()
        const make = ["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/O=Example/CN=first/CN=example", "-days", "30"]
        await bench.run([...make, "-keyout", "a.key", "-out", "ca.pem", "-addext", "extendedKeyUsage=codeSigning,clientAuth"])
        await bench.run([...make, "-keyout", "b.key", "-out", "sha1.pem", "-sha1"])
        const [ca] = parseCertificateChain((await bench.get("ca.pem")).toString())
        assert.equal(ca?.isCa, true)
        assert.equal(ca?.sha1Signed, false)
        assert.equal(ca?.commonName, "example")
        assert.deepEqual(ca?.extKeyUsages, ["1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.2"])
        const [sha1] = parseCertificateChain((await bench.get("sha1.pem")).toString())
        assert.equal(sha1?.sha1Signed, true)
    })
})
