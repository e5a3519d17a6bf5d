import { X509Certificate } from "node:crypto"
import { type CertificateFields, parseCertificateFields } from "./certificate.ts"
import { parsePem } from "./pem.ts"

// ECDSA and RSA PKCS #1 v1.5, each with SHA-256, SHA-384, SHA-512.
const SIGNATURES: ReadonlySet<string> = new Set([
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
])

/**
 * What is wrong with the signatures of a PEM list of certificates: one alone is signed by its own key, of several each is signed by the next one,
 * an authority's, and nobody says who vouches for the last. Dates and usages are not looked at.
 *
 * @returns undefined when nothing is
 */
export function bundleSignatureProblem(pem: string): string | undefined {
    try {
        const ders = parsePem(pem, "none").map(({ der }) => der)
        const fields = ders.map((der) => parseCertificateFields(der))
        for (const [index, certificate] of ders.entries()) {
            const [own, above] = [fields[index], fields[index + 1]]
            if (own === undefined || (above === undefined && index > 0)) continue
            if (above !== undefined && !above.isCa) return "a certificate above the first is no authority's"
            const problem = issueProblem(certificate, own, ders[index + 1] ?? certificate, above ?? own)
            if (problem !== undefined) return problem
        }
        return undefined
    } catch {
        return "a certificate can't be read"
    }
}

/** What is wrong with `certificate`'s signature, if `issuer`'s key is to have made it. Both DER. */
export function issuedByProblem(certificate: Uint8Array, issuer: Uint8Array): string | undefined {
    try {
        return issueProblem(certificate, parseCertificateFields(certificate), issuer, parseCertificateFields(issuer))
    } catch {
        return "a certificate can't be read"
    }
}

function issueProblem(der: Uint8Array, fields: CertificateFields, issuerDer: Uint8Array, issuer: CertificateFields): string | undefined {
    if (!SIGNATURES.has(fields.signatureAlgorithm)) return "a certificate is signed with an outdated or unknown algorithm"
    if (!fields.issuer.equals(issuer.subject)) return "a certificate names another issuer than the one beside it"
    return new X509Certificate(der).verify(new X509Certificate(issuerDer).publicKey)
        ? undefined
        : "a certificate's signature is not by the key of its issuer"
}
