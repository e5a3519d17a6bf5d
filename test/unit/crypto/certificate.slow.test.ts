import assert from "node:assert/strict"
import { generateKeyPairSync, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import fc from "fast-check"
import { encodeDer, parseDer, sequenceOf } from "../../../src/crypto/der.ts"
import {
    type Algorithm,
    algorithmOf,
    assembleCertificate,
    cardCertificateTbs,
    certificateScheme,
    generatePrivateKey,
    openPrivateKey,
    parseCertificateChain,
    pemToPublicKey,
    publicKeyToPem,
    rootCertificateTbs,
    signWith,
} from "../../../src/crypto/index.ts"
import { encodePem, parsePem } from "../../../src/crypto/pem.ts"
import { flipBit, hex } from "./vector.ts"

const SAMPLES = path.resolve(import.meta.dirname, "../../vectors/notary")
const GUN = "registry.example.com/team-a/app"
const BEGIN = new Date("2026-01-02T03:04:05.678Z")
const END = new Date("2035-12-31T03:04:05.678Z")
const SERIAL = Buffer.from("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "hex")

function certificateOf(algorithm: Algorithm, changes: Partial<Parameters<typeof rootCertificateTbs>[0]> = {}) {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    using secret = pkcs8
    const tbs = rootCertificateTbs({ gun: GUN, publicKey, serial: SERIAL, notBefore: BEGIN, notAfter: END, ...changes })
    const signature = signWith(openPrivateKey(secret), certificateScheme(algorithm), tbs)
    return { publicKey, tbs, signature, pem: assembleCertificate(tbs, publicKey, signature) }
}

/** The x509 keys of a sample root.json, as text. */
function sampleCertificates(file: string): readonly string[] {
    const text = readFileSync(path.join(SAMPLES, file), "utf8")
    const publics = [...text.matchAll(/"keytype":"(?:ecdsa|rsa)-x509","keyval":\{"private":null,"public":"([^"]+)"/g)]
    return publics.map(([, base64]) => Buffer.from(base64 ?? "", "base64").toString())
}

describe("the root certificate", () => {
    for (const algorithm of ["p256", "p384", "rsa2048"] as const) {
        test(`of a ${algorithm} key verifies and says what it should`, () => {
            const { pem, publicKey } = certificateOf(algorithm)
            const certificate = new X509Certificate(pem)
            assert.equal(certificate.verify(certificate.publicKey), true)
            assert.equal(certificate.subject, `CN=${GUN}`)
            assert.equal(certificate.issuer, `CN=${GUN}`)
            assert.equal(certificate.serialNumber, SERIAL.toString("hex").toUpperCase())
            assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.3"])
            assert.equal(certificate.ca, false)
            assert.match(pem, /^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{1,64}\n-----END CERTIFICATE-----\n$/)
            assert.deepEqual(parseCertificateChain(pem), [
                {
                    publicKey,
                    commonName: GUN,
                    notBefore: new Date("2026-01-02T03:04:05Z"),
                    notAfter: new Date("2035-12-31T03:04:05Z"),
                    isCa: false,
                    sha1Signed: false,
                    serial: SERIAL.toString("hex"),
                    extKeyUsages: ["1.3.6.1.5.5.7.3.3"],
                },
            ])
        })
    }

    for (const file of ["repo/root-v1.json", "repo/root-v4.json", "variants/root-rsa3072.json", "docker/metadata/root.json"]) {
        test(`is byte for byte what Notary made for ${file}`, () => {
            const certificates = sampleCertificates(file)
            assert.ok(certificates.length > 0)
            for (const pem of certificates) {
                const [facts] = parseCertificateChain(pem)
                const [block] = parsePem(pem, "none")
                assert.ok(facts && block)
                const [theirs] = sequenceOf(parseDer(block.der))
                assert.ok(theirs)
                const ours = rootCertificateTbs({
                    gun: facts.commonName,
                    publicKey: facts.publicKey,
                    serial: Buffer.from(facts.serial.padStart(32, "0"), "hex"),
                    notBefore: facts.notBefore,
                    notAfter: facts.notAfter,
                })
                assert.equal(Buffer.from(ours).toString("hex"), encodeDer(theirs).toString("hex"))
                assert.equal(encodePem("CERTIFICATE", block.der), pem)
            }
        })
    }

    test("gives the GUN back whatever it contains", () => {
        for (const gun of ["a.b/c_d", "localhost:5000/x", `h.example/${"x".repeat(240)}`, "*.example/a@b&c"]) {
            assert.equal(parseCertificateChain(certificateOf("p256", { gun }).pem)[0]?.commonName, gun)
        }
    })

    test("writes years up to 2049 with two digits and later ones with four", () => {
        const { pem, tbs } = certificateOf("p256", {
            notBefore: new Date("2049-12-31T23:59:59Z"),
            notAfter: new Date("2050-01-01T00:00:00Z"),
        })
        assert.ok(Buffer.from(tbs).includes("\x17\x0d491231235959Z\x18\x0f20500101000000Z"))
        assert.equal(parseCertificateChain(pem)[0]?.notAfter.toISOString(), "2050-01-01T00:00:00.000Z")
    })

    test("has a positive serial number of the shortest form", () => {
        const serial = Buffer.alloc(16)
        serial[15] = 0x80
        const { tbs } = certificateOf("p256", { serial })
        assert.ok(Buffer.from(tbs).includes(Buffer.from("02020080", "hex")))
        assert.throws(() => certificateOf("p256", { serial: Buffer.alloc(16) }), { code: "invalid_request" })
        assert.throws(() => certificateOf("p256", { serial: Buffer.alloc(15, 1) }), { code: "invalid_request" })
    })

    test("is not made for an Ed25519 key, nor for dates that can't be", () => {
        const { pkcs8, publicKey } = generatePrivateKey("ed25519")
        pkcs8[Symbol.dispose]()
        assert.throws(() => rootCertificateTbs({ gun: GUN, publicKey, serial: SERIAL, notBefore: BEGIN, notAfter: END }), {
            code: "key_unfit",
        })
        assert.throws(() => certificateOf("p256", { notBefore: END, notAfter: BEGIN }), { code: "invalid_request" })
        assert.throws(() => certificateOf("p256", { notBefore: new Date(Number.NaN) }), { code: "invalid_request" })
    })

    test("TK-SIG-2 is not put together with a signature that does not verify", () => {
        const { tbs, publicKey, signature } = certificateOf("p256")
        assert.throws(() => assembleCertificate(tbs, publicKey, flipBit(signature, 9)), { code: "bad_signature" })
        assert.throws(() => assembleCertificate(flipBit(tbs, 900), publicKey, signature), { code: "bad_signature" })
    })
})

describe("certificates of others", () => {
    const chain = [certificateOf("p256").pem, certificateOf("rsa2048").pem]

    test("come in the order of the text", () => {
        const facts = parseCertificateChain(chain.join(""))
        assert.deepEqual(
            facts.map((fact) => algorithmOf(fact.publicKey)),
            ["p256", "rsa2048"],
        )
        assert.deepEqual(parseCertificateChain(`\n${chain.join("\n\n").replaceAll("\n", "\r\n")}`), facts)
    })

    const [pem = ""] = chain
    const der = parsePem(pem, "none")[0]?.der ?? Buffer.alloc(0)
    const tail = "-----END CERTIFICATE-----"
    const rejected: Readonly<Record<string, string>> = {
        "no text": "",
        "text that is no PEM": "certificate",
        "text before it": `subject: x\n${pem}`,
        "text after it": `${pem}x`,
        "a block without end": pem.replace(tail, ""),
        "a block with the end of another": pem.replace(tail, "-----END PUBLIC KEY-----"),
        "a public key": encodePem("PUBLIC KEY", der),
        "no base64": pem.replace(tail, `!!!!\n${tail}`),
        "base64 with bits left over": "-----BEGIN CERTIFICATE-----\nMAB=\n-----END CERTIFICATE-----\n",
        "nothing inside": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "trailing bytes": encodePem("CERTIFICATE", Buffer.concat([der, Buffer.alloc(1)])),
        "missing bytes": encodePem("CERTIFICATE", der.subarray(0, -1)),
        "an indefinite length": encodePem("CERTIFICATE", Buffer.concat([Buffer.from("3080", "hex"), der.subarray(4), Buffer.alloc(2)])),
        "more than twenty certificates": pem.repeat(21),
        "more than any chain has": pem.repeat(500),
    }
    for (const [name, text] of Object.entries(rejected)) {
        test(`${name}: metadata_rejected`, () => {
            assert.throws(() => parseCertificateChain(text), { code: "metadata_rejected" })
        })
    }

    test("whatever bit is flipped, and whatever DER comes, there are facts or metadata_rejected", () => {
        const attempt = (bytes: Uint8Array) => {
            try {
                parseCertificateChain(encodePem("CERTIFICATE", bytes))
            } catch (error) {
                assert.equal(error instanceof Error && "code" in error ? error.code : error, "metadata_rejected")
            }
        }
        for (let bit = 0; bit < der.length * 8; bit += 1) attempt(flipBit(der, bit))
        fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => attempt(bytes)))
        attempt(Buffer.from("3080".repeat(50_000), "hex"))
    })

    test("a long text costs no time, with an end or without", () => {
        const before = process.hrtime.bigint()
        for (const part of ["-----BEGIN CERTIFICATE-----\n", "A", "A\n", "-", " \n", "a: b\n"]) {
            const text = `-----BEGIN CERTIFICATE-----\n${part.repeat(200_000 / part.length)}`
            for (const end of ["", `\n${tail}\n`]) {
                assert.throws(() => parseCertificateChain(text + end), { code: "metadata_rejected" })
            }
        }
        assert.ok(process.hrtime.bigint() - before < 5_000_000_000n)
    })

    test("an outdated signature algorithm shows, and two different ones are refused", () => {
        const rsa = parsePem(chain[1] ?? "", "none")[0]?.der.toString("hex") ?? ""
        const [sha256, sha1, md5] = ["0b", "05", "04"].map((last) => `06092a864886f70d0101${last}`)
        assert.ok(sha256 && sha1 && md5)
        const factsOf = (der: string) => parseCertificateChain(encodePem("CERTIFICATE", hex(der)))[0]
        assert.equal(factsOf(rsa)?.sha1Signed, false)
        assert.equal(factsOf(rsa.replaceAll(sha256, sha1))?.sha1Signed, true)
        assert.equal(factsOf(rsa.replaceAll(sha256, md5))?.sha1Signed, true)
        assert.throws(() => factsOf(rsa.replace(sha256, sha1)), { code: "metadata_rejected" })
    })

    test("the samples' delegation certificates are read as Node reads them", () => {
        for (const file of ["keys/bob.crt", "keys/carol.crt"]) {
            const text = readFileSync(path.join(SAMPLES, file), "utf8")
            const certificate = new X509Certificate(text)
            const [facts] = parseCertificateChain(text)
            assert.equal(facts?.isCa, certificate.ca)
            assert.equal(facts?.serial, certificate.serialNumber.toLowerCase())
            assert.equal(facts?.notAfter.getTime(), certificate.validToDate.getTime())
        }
    })
})

describe("public keys as PEM", () => {
    for (const algorithm of ["p256", "p384", "rsa2048", "ed25519"] as const) {
        test(`${algorithm} survives the way there and back`, () => {
            const { pkcs8, publicKey } = generatePrivateKey(algorithm)
            pkcs8[Symbol.dispose]()
            const back = pemToPublicKey(publicKeyToPem(publicKey))
            assert.equal(back.keytype, publicKey.keytype)
            assert.deepEqual(Buffer.from(back.bytes), Buffer.from(publicKey.bytes))
        })
    }

    test("of a certificate, the key in it; headers and text around it don't matter", () => {
        const { pem, publicKey } = certificateOf("p256")
        assert.deepEqual(pemToPublicKey(`Bag Attributes\n    name: x\n${pem}`), publicKey)
        const withHeader = publicKeyToPem(publicKey).replace("KEY-----\n", "KEY-----\nrole: dana\n\n")
        assert.deepEqual(pemToPublicKey(withHeader), publicKey)
        assert.equal(pemToPublicKey(readFileSync(path.join(SAMPLES, "docker/dana.pub"), "utf8")).keytype, "ecdsa")
    })

    test("refuses a file with a private key in it", () => {
        const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
        for (const type of ["pkcs8", "sec1"] as const) {
            assert.throws(() => pemToPublicKey(privateKey.export({ type, format: "pem" }).toString()), { code: "invalid_request" })
        }
    })

    test("refuses what is no key, or none of TUF's", () => {
        assert.throws(() => pemToPublicKey("x"), { code: "invalid_request" })
        assert.throws(() => pemToPublicKey(encodePem("CERTIFICATE", Buffer.from("x"))), { code: "invalid_request" })
        assert.throws(() => pemToPublicKey(encodePem("PUBLIC KEY", Buffer.from("x"))), { code: "key_unfit" })
        const { publicKey } = generateKeyPairSync("x25519")
        assert.throws(() => pemToPublicKey(publicKey.export({ type: "spki", format: "pem" }).toString()), { code: "key_unfit" })
    })
})

describe("the certificate beside a root key on a card", () => {
    for (const algorithm of ["p256", "p384", "rsa2048"] as const) {
        test(`of a ${algorithm} key has the common name stock Notary clients look for, and ends never`, () => {
            const { pkcs8, publicKey } = generatePrivateKey(algorithm)
            using secret = pkcs8
            const tbs = cardCertificateTbs({ publicKey, serial: SERIAL, notBefore: BEGIN })
            const pem = assembleCertificate(tbs, publicKey, signWith(openPrivateKey(secret), certificateScheme(algorithm), tbs))
            const certificate = new X509Certificate(pem)
            assert.equal(certificate.verify(certificate.publicKey), true)
            assert.equal(certificate.subject, "O=trustkeyd card certificate\nCN=root")
            assert.equal(certificate.ca, false)
            const [facts] = parseCertificateChain(pem)
            assert.equal(facts?.commonName, "root")
            assert.equal(facts?.notAfter.toISOString(), "9999-12-31T23:59:59.000Z")
            assert.deepEqual(facts?.extKeyUsages, [])
        })
    }

    test("TK-SIG-1 has a form no root certificate has, whatever the GUN", () => {
        const { publicKey } = generatePrivateKey("p256")
        const subjectOf = (tbs: Uint8Array) => encodeDer(sequenceOf(parseDer(tbs))[5] ?? parseDer(Buffer.from("0500", "hex")))
        const card = subjectOf(cardCertificateTbs({ publicKey, serial: SERIAL, notBefore: BEGIN }))
        fc.assert(
            fc.property(fc.oneof(fc.string(), fc.constantFrom("root", "trustkeyd card certificate", "CN=root")), (gun) => {
                const root = subjectOf(rootCertificateTbs({ gun, publicKey, serial: SERIAL, notBefore: BEGIN, notAfter: END }))
                return !root.equals(card) && sequenceOf(parseDer(root)).length === 1 && sequenceOf(parseDer(card)).length === 2
            }),
        )
    })
})
