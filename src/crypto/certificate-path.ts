import { type KeyObject, X509Certificate } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type CertificateFields, OID_BASIC_CONSTRAINTS, OID_EXT_KEY_USAGE, OID_KEY_USAGE, parseCertificateFields } from "./certificate.ts"
import { parsePem } from "./pem.ts"

type PathCertificate = CertificateFields & { readonly x509: X509Certificate }

/** Certificates that may vouch for others. Nominal: only `parseAuthorities` makes it. */
class ParsedAuthorities {
    readonly certificates: readonly PathCertificate[]

    constructor(certificates: readonly PathCertificate[]) {
        this.certificates = certificates
    }
}

export type Authorities = ParsedAuthorities

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
const ANY_USAGE = "2.5.29.37.0"
const OID_SUBJECT_ALT_NAME = "2.5.29.17"
const OID_NAME_CONSTRAINTS = "2.5.29.30"
// RFC 5280 §4.2: whoever doesn't know a critical extension must refuse the certificate.
const KNOWN_EXTENSIONS: readonly string[] = [OID_KEY_USAGE, OID_BASIC_CONSTRAINTS, OID_EXT_KEY_USAGE, OID_SUBJECT_ALT_NAME]

// RSA PKCS #1 v1.5 and ECDSA with SHA-256, SHA-384, SHA-512; Ed25519. No SHA-1, and no PSS: it hides its hash in parameters, SHA-1 by default.
const SIGNATURES: ReadonlySet<string> = new Set([
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    "1.3.101.112",
])
const CURVES = ["prime256v1", "secp384r1", "secp521r1"]
const LEAST_RSA_BITS = 2048

const DIGITAL_SIGNATURE = 0x80
const KEY_CERT_SIGN = 0x04

const LARGEST_BUNDLE = 20
// Certificates of one name and several keys could make the ways up as many as a server likes.
const MOST_VERIFICATIONS = 64
// Of machines whose clock is behind: Notary's leeway for notBefore.
const DAY = 86_400_000

/**
 * The certificates of a PEM text that are to be trusted for what they issue. An intermediate one may stand alone.
 *
 * @throws invalid_request: no certificate, or one that is no certificate authority's
 */
export function parseAuthorities(pem: string): Authorities {
    const certificates = readAuthorities(pem)
    if (certificates.length === 0) throw new TrustkeyError("invalid_request", "there is no certificate in it")
    for (const certificate of certificates) {
        const problem = authorityProblem(certificate)
        if (problem !== undefined)
            throw new TrustkeyError("invalid_request", `the certificate ${JSON.stringify(certificate.commonName)} ${problem}`)
    }
    return new ParsedAuthorities(certificates)
}

function readAuthorities(pem: string): readonly PathCertificate[] {
    try {
        return readBundle(pem, "any")
    } catch (cause) {
        throw new TrustkeyError("invalid_request", asReason(cause), { cause })
    }
}

/**
 * That the first certificate of `pem` was issued for signing code by one of `authorities`, directly or through the others of `pem`: every
 * signature on the way, dates (unless `now` is undefined), CA flags, path lengths, key usages, extended key usages (codeSigning, any, or none
 * stated) and critical extensions (RFC 5280 §6.1, without policies). The authority's own dates count, its own signature does not.
 *
 * @throws verification_failed
 */
export function checkCertificatePath(pem: string, authorities: Authorities, now: Date | undefined): void {
    const problem = pathProblem(pem, authorities, now)
    if (problem !== undefined) throw new TrustkeyError("verification_failed", problem)
}

function pathProblem(pem: string, authorities: Authorities, now: Date | undefined): string | undefined {
    let bundle: readonly PathCertificate[]
    try {
        bundle = readBundle(pem, "none")
    } catch (error) {
        return asReason(error)
    }
    const [leaf, ...others] = bundle
    if (leaf === undefined) return "there is no certificate"
    const search = new PathSearch(authorities.certificates, others, now)
    return leafProblem(leaf, now) ?? (search.reaches([leaf]) ? undefined : search.problem)
}

/**
 * That `pem` holds a certificate for signing code and then the way up from it, each issued by the next, by the rules of
 * `checkCertificatePath`. Whether anybody trusts the last of them is not asked; one that names itself as its issuer has to have signed itself.
 *
 * @throws verification_failed
 */
export function checkCertificateChain(pem: string, now: Date): void {
    const problem = chainProblem(pem, now)
    if (problem !== undefined) throw new TrustkeyError("verification_failed", problem)
}

function chainProblem(pem: string, now: Date): string | undefined {
    let bundle: readonly PathCertificate[]
    try {
        bundle = readBundle(pem, "none")
    } catch (error) {
        return asReason(error)
    }
    const [leaf] = bundle
    if (leaf === undefined) return "there is no certificate"
    const problem = leafProblem(leaf, now)
    if (problem !== undefined) return problem
    for (const [index, certificate] of bundle.entries()) {
        const isItsOwn = certificate.subject.equals(certificate.issuer)
        const issuer = bundle[index + 1] ?? (isItsOwn ? certificate : undefined)
        if (issuer === undefined) break
        const found =
            (issuer === certificate ? undefined : issuerProblem(issuer, bundle.slice(0, index + 1), now)) ??
            signatureProblem(certificate, issuer)
        if (found !== undefined) return found
    }
    return undefined
}

class PathSearch {
    readonly #anchors: readonly PathCertificate[]
    readonly #others: readonly PathCertificate[]
    readonly #now: Date | undefined
    #verifications = 0
    /** Of the last way that led nowhere. */
    problem = "no pinned authority has issued the certificate"

    constructor(anchors: readonly PathCertificate[], others: readonly PathCertificate[], now: Date | undefined) {
        this.#anchors = anchors
        this.#others = others
        this.#now = now
    }

    /** `path`: from the leaf up. */
    reaches(path: readonly PathCertificate[]): boolean {
        return (
            this.#issuers(this.#anchors, path).length > 0 ||
            this.#issuers(
                this.#others.filter((other) => !path.includes(other)),
                path,
            ).some((issuer) => this.reaches([...path, issuer]))
        )
    }

    #issuers(candidates: readonly PathCertificate[], path: readonly PathCertificate[]): readonly PathCertificate[] {
        const last = path.at(-1)
        return candidates.filter((candidate) => {
            if (last === undefined || !candidate.subject.equals(last.issuer)) return false
            const problem = issuerProblem(candidate, path, this.#now) ?? this.#signatureProblem(last, candidate)
            if (problem !== undefined) this.problem = problem
            return problem === undefined
        })
    }

    #signatureProblem(certificate: PathCertificate, issuer: PathCertificate): string | undefined {
        this.#verifications += 1
        if (this.#verifications > MOST_VERIFICATIONS) return "there are too many certificates of the same names"
        return signatureProblem(certificate, issuer)
    }
}

function signatureProblem(certificate: PathCertificate, issuer: PathCertificate): string | undefined {
    if (!SIGNATURES.has(certificate.signatureAlgorithm)) return `${named(certificate)} is signed with an outdated or unknown algorithm`
    return isSignedBy(certificate.x509, issuer.x509) ? undefined : `${named(certificate)} is not signed by ${named(issuer)}`
}

/** By its key and its name. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    try {
        return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
    } catch {
        // OpenSSL's ways of saying no, to keys and signatures of strangers.
        return false
    }
}

function leafProblem(leaf: PathCertificate, now: Date | undefined): string | undefined {
    if (leaf.isCa) return "the certificate is an authority's"
    if (leaf.keyUsage !== undefined && (leaf.keyUsage & DIGITAL_SIGNATURE) === 0) return "the certificate is not for signatures (key usage)"
    const unknown = unknownExtension(leaf)
    if (unknown !== undefined) return `the certificate has the critical extension ${unknown}, which is unknown here`
    return usageProblem(leaf) ?? dateProblem(leaf, now)
}

function issuerProblem(issuer: PathCertificate, path: readonly PathCertificate[], now: Date | undefined): string | undefined {
    const problem = authorityProblem(issuer)
    if (problem !== undefined) return `${named(issuer)} ${problem}`
    // RFC 5280 §4.2.1.9: the last certificate of a path doesn't count, and neither does one that names itself as its issuer.
    const between = path.slice(1).filter(({ subject, issuer: above }) => !subject.equals(above)).length
    if (issuer.pathLength !== undefined && between > issuer.pathLength)
        return `${named(issuer)} may not have authorities below it (path length)`
    return usageProblem(issuer) ?? dateProblem(issuer, now)
}

/** What makes a certificate unfit to issue others, whatever the date. Continues a sentence. */
function authorityProblem(certificate: PathCertificate): string | undefined {
    if (!certificate.isCa) return "is no authority's (basic constraints)"
    if (certificate.keyUsage !== undefined && (certificate.keyUsage & KEY_CERT_SIGN) === 0) return "may not sign certificates (key usage)"
    if (certificate.extensions.has(OID_NAME_CONSTRAINTS)) return "constrains names, which repositories' names are not checked against"
    const unknown = unknownExtension(certificate)
    if (unknown !== undefined) return `has the critical extension ${unknown}, which is unknown here`
    return isStrong(certificate.x509.publicKey) ? undefined : "has a key that is too weak, or of an unknown kind"
}

function unknownExtension(certificate: PathCertificate): string | undefined {
    return [...certificate.extensions].find(([id, critical]) => critical && !KNOWN_EXTENSIONS.includes(id))?.[0]
}

/** An authority that states usages limits what is below it, as verifiers of code signatures read it. */
function usageProblem(certificate: PathCertificate): string | undefined {
    const usages = certificate.extKeyUsages
    if (!certificate.extensions.has(OID_EXT_KEY_USAGE) || usages.includes(CODE_SIGNING) || usages.includes(ANY_USAGE)) return undefined
    return `${named(certificate)} is not for signing code (extended key usage)`
}

function dateProblem(certificate: PathCertificate, now: Date | undefined): string | undefined {
    if (now === undefined) return undefined
    if (certificate.notAfter < now) return `${named(certificate)} expired on ${certificate.notAfter.toISOString()}`
    if (certificate.notBefore.getTime() <= now.getTime() + DAY) return undefined
    return `${named(certificate)} is not valid before ${certificate.notBefore.toISOString()}`
}

function isStrong(key: KeyObject): boolean {
    const details = key.asymmetricKeyDetails ?? {}
    if (key.asymmetricKeyType === "rsa") return (details.modulusLength ?? 0) >= LEAST_RSA_BITS
    if (key.asymmetricKeyType === "ec") return CURVES.includes(details.namedCurve ?? "")
    return key.asymmetricKeyType === "ed25519"
}

/** @throws Error, of forge and OpenSSL too */
function readBundle(pem: string, surroundings: "none" | "any"): readonly PathCertificate[] {
    const blocks = parsePem(pem, surroundings)
    if (blocks.length > LARGEST_BUNDLE) throw new Error("there are too many certificates")
    return blocks.map(({ label, der }) => {
        if (label !== "CERTIFICATE") throw new Error(`there is a ${label} among the certificates`)
        return { ...parseCertificateFields(der), x509: new X509Certificate(der) }
    })
}

function asReason(error: unknown): string {
    return `not a list of certificates: ${error instanceof Error ? error.message : "unreadable"}`
}

function named(certificate: PathCertificate): string {
    return `the certificate ${JSON.stringify(certificate.commonName.slice(0, 80))}`
}
