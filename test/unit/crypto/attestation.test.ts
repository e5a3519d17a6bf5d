import assert from "node:assert/strict"
import { createHash, generateKeyPairSync, type JsonWebKey, randomBytes, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { spkiOf } from "../../../src/crypto/algorithm.ts"
import {
    type Attestation,
    type AttestationExpectation,
    type AttestationVerdict,
    checkCertificatePath,
    generatePrivateKey,
    parseAttestation,
    parseAttestationRoots,
    parseAuthorities,
    pemToPublicKey,
    verifyAttestation,
} from "../../../src/crypto/index.ts"
import { YUBICO_INTERMEDIATES_PEM, YUBICO_PIV_ISSUERS, YUBICO_ROOTS_PEM } from "../../../src/crypto/yubico-authorities.ts"
import { type AttestationAuthority, type AttestedKey, attest, createAttestationAuthority } from "../../support/yubikey/attestation.ts"

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/attestation")
const REAL = {
    card: readFileSync(path.join(VECTORS, "yubikey-5.2.6-card.pem"), "latin1"),
    slot: readFileSync(path.join(VECTORS, "yubikey-5.2.6-9c.pem"), "latin1"),
}
const real: Attestation = { certificate: new X509Certificate(REAL.slot).raw, intermediate: new X509Certificate(REAL.card).raw }
const realKey: AttestationExpectation = { publicKey: pemToPublicKey(REAL.slot), serial: "13078782" }

const { publicKey } = generatePrivateKey("p256")
const key = { publicKey, serial: "12345678" } as const
const authority = createAttestationAuthority("rsa")
const roots = parseAttestationRoots(authority.rootPem)

type Card = ReturnType<AttestationAuthority["issue"]>
const card: Card = authority.issue([5, 4, 3])

function made(change: Partial<AttestedKey> = {}, by: Card = card, signedWith: JsonWebKey = by.key): Attestation {
    const attested = { slot: 0x9c, pinPolicy: 3, touchPolicy: 2, serial: 12_345_678, firmware: [5, 4, 3], formFactor: 1, ...change }
    const certificate = attest({ publicKey: spkiOf(publicKey), ...attested }, signedWith, by.certificate, randomBytes)
    assert.ok(certificate !== undefined)
    return { certificate, intermediate: by.certificate }
}

function invalid(verdict: AttestationVerdict, problem: RegExp): void {
    assert.ok(verdict.verdict === "invalid", verdict.verdict)
    assert.match(verdict.problem, problem)
}

describe("a YubiKey's attestation", () => {
    test("TK-KEY-3 of a real card is followed to Yubico's own root, and read", () => {
        const verdict = verifyAttestation(real, { ...realKey, slot: "9c", pinPolicy: "always", touchPolicy: "always" })
        assert.ok(verdict.verdict === "attested")
        assert.equal(verdict.by, "yubico")
        assert.equal(verdict.root, "Yubico PIV Root CA Serial 263751")
        const { spki: _, ...facts } = verdict.facts
        assert.deepEqual(facts, {
            slot: "9c",
            serial: "13078782",
            firmware: "5.2.6",
            pinPolicy: "always",
            touchPolicy: "always",
            formFactor: "USB-C keychain",
            fips: false,
            issuer: "Yubico PIV Root CA Serial 263751",
        })
    })

    test("rests on the certificates Yubico publishes, and on no others", () => {
        const certificates = `${YUBICO_ROOTS_PEM}${YUBICO_INTERMEDIATES_PEM}`.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []
        const known = certificates.map((pem) => {
            const { raw, subject } = new X509Certificate(pem)
            return [subject, createHash("sha256").update(raw).digest("hex")]
        })
        assert.deepEqual(known, [
            ["CN=Yubico PIV Root CA Serial 263751", "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546"],
            ["CN=Yubico Attestation Root 1", "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8"],
            ["CN=Yubico Attestation Intermediate A 1", "4698a1d3389c3ec60016c216250f1d0439922832d65142327436376dc2942b55"],
            ["CN=Yubico Attestation Intermediate B 1", "d4cc3f456fdaf4e7812a21aab1dfe9d8e27d24e2fd2d6f21c9940109f0daa754"],
            ["CN=Yubico PIV Attestation A 1", "6de693f05376f5d8ca29069261e1c8626c75d503bd2edbfd75354cad1f722870"],
            ["CN=Yubico PIV Attestation B 1", "2d55b7998f4e42569d6d8fa382b6dc77d1dacf07358b19701163892922b17052"],
            ["CN=Yubico PIV Attestation B2 1", "0c90b7d184a36edf50a35f9be935f0c5689bfdcfe5bdd073366cafb49061a440"],
        ])
        // From 5.7.4 on nobody's card is at hand, but what is between it and the root is.
        const root = certificates[1] ?? ""
        for (const issuer of certificates.slice(4)) {
            const x509 = new X509Certificate(issuer)
            assert.ok(YUBICO_PIV_ISSUERS.includes(x509.subject.replace("CN=", "")))
            const above = certificates.slice(2, 4).find((pem) => x509.checkIssued(new X509Certificate(pem)))
            assert.ok(above !== undefined)
            assert.ok(x509.verify(new X509Certificate(above).publicKey))
            assert.ok(new X509Certificate(above).verify(new X509Certificate(root).publicKey))
            parseAuthorities(issuer)
        }
    })

    for (const kind of ["rsa", "ec"] as const) {
        test(`under a root that is not Yubico's (${kind}) is shown as such, and counts where that root is configured`, () => {
            const other = createAttestationAuthority(kind)
            const attestation = made({}, other.issue([5, 7, 1]))
            const verdict = verifyAttestation(attestation, key)
            assert.equal(verdict.verdict, "unknown-root")
            const trusted = parseAttestationRoots([other.rootPem, ...other.intermediatePems].join(""))
            const again = verifyAttestation(attestation, key, trusted)
            assert.ok(again.verdict === "attested")
            assert.equal(again.by, "configured")
            assert.match(again.root, /^Test PIV/)
            assert.equal(verifyAttestation(attestation, key, roots).verdict, "unknown-root", "another root of the same name")
        })
    }

    test("of an evil twin is none: another key, another card, another slot, weaker policies", () => {
        const other = generatePrivateKey("p256").publicKey
        invalid(verifyAttestation(made(), { ...key, publicKey: other }, roots), /another public key/)
        invalid(verifyAttestation(made({ serial: 12_345_679 }), key, roots), /from the card 12345679, not from 12345678/)
        invalid(verifyAttestation(made({ slot: 0x9a }), { ...key, slot: "9c" }, roots), /slot 9a, not for 9c/)
        invalid(verifyAttestation(made({ pinPolicy: 2 }), { ...key, pinPolicy: "always" }, roots), /PIN "once"/)
        invalid(verifyAttestation(made({ touchPolicy: 1 }), { ...key, touchPolicy: "cached" }, roots), /touch "never"/)
        invalid(verifyAttestation(made({ touchPolicy: 3 }), { ...key, touchPolicy: "always" }, roots), /touch "cached"/)
        const stricter = verifyAttestation(made(), { ...key, pinPolicy: "once", touchPolicy: "cached" }, roots)
        assert.equal(stricter.verdict, "attested")
    })

    test("that is not signed by the card's certificate is none, whoever certified that card", () => {
        const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" })
        invalid(verifyAttestation(made({}, card, stranger), key, roots), /not signed by the card/)
        // A genuine card's certificate over a statement of one's own.
        const certificate = Buffer.from(real.intermediate)
        invalid(verifyAttestation(made({}, { key: stranger, certificate }), key), /not signed by the card/)
        // And the genuine statement below another card.
        invalid(verifyAttestation({ ...real, intermediate: card.certificate }, realKey), /not signed by the card/)
    })

    test("by an authority that only calls itself Yubico's is a forgery", () => {
        const twin = createAttestationAuthority("rsa", "Yubico PIV Root CA Serial 263751").issue([5, 4, 3])
        invalid(verifyAttestation(made({}, twin), key), /which has not signed it: a forgery/)
    })

    test("of a key that vouches for itself, or of any other certificate, is none", () => {
        invalid(verifyAttestation({ certificate: real.intermediate, intermediate: real.intermediate }, realKey), /does not name a slot/)
        invalid(verifyAttestation({ certificate: new Uint8Array(), intermediate: real.intermediate }, realKey), /can't be read/)
        invalid(verifyAttestation({ certificate: real.certificate, intermediate: Buffer.from("no DER") }, realKey), /can't be read/)
        invalid(verifyAttestation(made({ pinPolicy: 9 }), key, roots), /PIN policy that is unknown/)
        invalid(verifyAttestation(made({ firmware: [5, 4] }), key, roots), /firmware version is malformed/)
        invalid(verifyAttestation(made({ serial: -1 }), key, roots), /serial number is malformed/)
    })

    test("with any single bit changed is never taken", () => {
        const attestation = made()
        for (const part of ["certificate", "intermediate"] as const) {
            for (let at = 0; at < attestation[part].length; at += 7) {
                const bytes = Buffer.from(attestation[part])
                bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
                const verdict = verifyAttestation({ ...attestation, [part]: bytes }, key, roots)
                assert.notEqual(verdict.verdict, "attested", `${part} at ${at}`)
            }
        }
        assert.equal(verifyAttestation(attestation, key, roots).verdict, "attested")
    })

    test("reads values that are wrapped once more", () => {
        const wrapped = made({ firmware: [4, 3, 5, 7, 4] })
        assert.equal(parseAttestation(wrapped).firmware, "5.7.4")
        assert.throws(() => parseAttestation(made({ firmware: [4, 4, 5, 7, 4] })), /malformed/)
    })

    test("roots are certificate authorities, in PEM", () => {
        assert.throws(() => parseAttestationRoots(REAL.slot), { code: "invalid_request" })
        assert.throws(() => parseAttestationRoots("nothing"), { code: "invalid_request" })
        checkCertificatePath(`${REAL.slot}${REAL.card}`, parseAuthorities(YUBICO_ROOTS_PEM), undefined)
    })
})
