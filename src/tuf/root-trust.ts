import { algorithmOf, type CertificateFacts, parseCertificateChain } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { checkUnexpired } from "./expiry.ts"
import type { MetadataFile } from "./file.ts"
import type { Gun } from "./gun.ts"
import type { KeyId, TufKey } from "./key.ts"
import type { KeyRole, RootDocument } from "./metadata.ts"
import type { BaseRole } from "./role.ts"
import { verifyThreshold } from "./signature.ts"
import type { SignedMetadata } from "./signed.ts"

// x509 dates of a machine whose clock is ahead: Notary's leeway.
const DAY = 86_400_000

/** @throws invalid_request when `file` is of another role. */
export function rootOf(signed: SignedMetadata): RootDocument {
    if (signed.document.type !== "root") throw new TrustkeyError("invalid_request", `${signed.role} metadata where root's was expected`)
    return signed.document
}

export function roleOf(root: RootDocument, role: BaseRole): KeyRole {
    const found = root.roles.get(role)
    if (found === undefined) throw new TrustkeyError("metadata_rejected", `root names no keys for ${role}`)
    return found
}

/** The name of a repository's lineage: SHA-256 of the canonical root v1, hex. @throws invalid_request when it is not root v1 */
export function lineageOf(rootV1: SignedMetadata): string {
    if (rootOf(rootV1).version !== 1) throw new TrustkeyError("invalid_request", "a lineage is named after version 1 of root")
    return rootV1.sha256
}

/**
 * TUF 5.3: the next root has the next version, and is signed by the threshold of the previous one's root keys as well as by its own.
 * Certificates and expiry: see checkRootCertificates, verifyRootChain.
 *
 * @throws rollback_detected for a lower version, verification_failed for everything else
 */
export function checkRootSuccession(previous: MetadataFile, next: MetadataFile): void {
    const before = rootOf(previous.signed)
    const after = rootOf(next.signed)
    if (after.version < before.version) {
        throw new TrustkeyError("rollback_detected", `root version ${after.version} is older than ${before.version}, already trusted`)
    }
    if (after.version !== before.version + 1) {
        throw new TrustkeyError("verification_failed", `root version ${after.version} does not follow on ${before.version}`)
    }
    verifyThreshold(next.signed, next.signatures, before.keys, roleOf(before, "root"), `version ${before.version}'s`)
    verifyThreshold(next.signed, next.signatures, after.keys, roleOf(after, "root"))
}

type RootKeys = { readonly certified: ReadonlyMap<KeyId, TufKey>; readonly problems: readonly string[] }

/**
 * The keys of role root that Notary would count: each a certificate bundle whose only non-CA certificate comes first, with the GUN (or
 * a prefix of it and `*`) as common name, in its dates, not signed with SHA-1, RSA from 2048 bits. Notary passes the others over, and does
 * not verify the certificate's own signature. `now` undefined: dates do not count.
 */
function certifiedRootKeys(root: RootDocument, gun: Gun, now: Date | undefined): RootKeys {
    const certified = new Map<KeyId, TufKey>()
    const problems: string[] = []
    for (const id of new Set(roleOf(root, "root").keyIds)) {
        const key = root.keys.get(id)
        const problem = key === undefined ? "it is not among the keys" : certificateProblem(key, gun, now)
        if (key === undefined || problem !== undefined) problems.push(`root version ${root.version}, key ${id}: ${problem}`)
        else certified.set(id, key)
    }
    return { certified, problems }
}

/** The keys of role root that Notary's clients would count, whatever the date: those of which the certificate is good. */
export function countedRootKeys(root: RootDocument, gun: Gun): ReadonlyMap<KeyId, TufKey> {
    return certifiedRootKeys(root, gun, undefined).certified
}

function rejectRoot(root: RootDocument, problems: readonly string[]): never {
    throw new TrustkeyError("root_rejected", problems[0] ?? `root version ${root.version} needs more keys than it has`)
}

/**
 * `every`: each key of role root must have a good certificate, as befits a root we sign; otherwise as many as the threshold, as verifiers do.
 * `now` undefined: the certificates' dates do not count.
 *
 * @throws root_rejected naming the first problem
 */
export function checkRootCertificates(
    root: RootDocument,
    gun: Gun,
    now: Date | undefined,
    options: { readonly every?: boolean } = {},
): void {
    const { certified, problems } = certifiedRootKeys(root, gun, now)
    if (certified.size < roleOf(root, "root").threshold || (options.every === true && problems.length > 0)) rejectRoot(root, problems)
}

// A list of all repositories asks for each, and a root is never changed once parsed.
const certificateEnds = new WeakMap<SignedMetadata, { readonly end: Date | undefined }>()

/**
 * When the first of the certificates of role root ends: from then on Notary's clients count that key no more.
 *
 * @returns undefined when there is none that can be read
 * @throws invalid_request when it is not root metadata
 */
export function certificatesEnd(root: SignedMetadata): Date | undefined {
    const known = certificateEnds.get(root)
    if (known !== undefined) return known.end
    const { keys } = rootOf(root)
    const ends = roleOf(rootOf(root), "root").keyIds.flatMap((id) => certificateEnd(keys.get(id)))
    const end = ends.length === 0 ? undefined : new Date(Math.min(...ends))
    certificateEnds.set(root, { end })
    return end
}

function certificateEnd(key: TufKey | undefined): readonly number[] {
    if (key === undefined || !key.keytype.endsWith("-x509")) return []
    try {
        const [leaf] = parseCertificateChain(Buffer.from(key.public).toString("latin1"))
        return leaf === undefined ? [] : [leaf.notAfter.getTime()]
    } catch (error) {
        // Others' roots may list what nobody can read; it counts for nothing.
        if (error instanceof TrustkeyError) return []
        throw error
    }
}

/**
 * That role root's threshold is met by signatures of keys with nothing against them: Notary's rules for a root's certificates, and what
 * `problemOf` says of a key. `now` undefined: the certificates' dates do not count.
 *
 * @throws root_rejected naming the first problem, verification_failed
 */
export function verifyRootSignedBy(
    file: MetadataFile,
    gun: Gun,
    now: Date | undefined,
    problemOf: (id: KeyId, key: TufKey) => string | undefined,
): void {
    const root = rootOf(file.signed)
    const role = roleOf(root, "root")
    const { certified, problems } = certifiedRootKeys(root, gun, now)
    const accepted = new Map<KeyId, TufKey>()
    const objections = [...problems]
    for (const [id, key] of certified) {
        const problem = problemOf(id, key)
        if (problem === undefined) accepted.set(id, key)
        else objections.push(`root version ${root.version}, key ${id}: ${problem}`)
    }
    if (accepted.size < role.threshold) rejectRoot(root, objections)
    verifyThreshold(file.signed, file.signatures, accepted, role)
}

/** That Notary would count this certificate as a root key of `gun`: see certifiedRootKeys. @throws root_rejected */
export function checkRootCertificate(key: TufKey, gun: Gun, now: Date): void {
    const problem = certificateProblem(key, gun, now)
    if (problem !== undefined) throw new TrustkeyError("root_rejected", problem)
}

function certificateProblem(key: TufKey, gun: Gun, now: Date | undefined): string | undefined {
    if (key.keytype !== "ecdsa-x509" && key.keytype !== "rsa-x509") return "it is no certificate"
    try {
        const chain = parseCertificateChain(Buffer.from(key.public).toString("latin1"))
        const [leaf] = chain
        if (leaf === undefined || leaf.isCa || chain.filter(({ isCa }) => !isCa).length !== 1) {
            return "the bundle must have one certificate that is no CA, and that one first"
        }
        if (`${leaf.publicKey.keytype}-x509` !== key.keytype) return "the certificate holds a key of another type"
        algorithmOf(leaf.publicKey)
        return leafProblem(leaf, gun, now)
    } catch (error) {
        if (error instanceof TrustkeyError) return error.message
        throw error
    }
}

function leafProblem(leaf: CertificateFacts, gun: Gun, now: Date | undefined): string | undefined {
    if (!nameCovers(leaf.commonName, gun)) return "the certificate is for another repository"
    if (leaf.sha1Signed) return "the certificate is signed with SHA-1"
    if (now === undefined) return undefined
    if (leaf.notAfter < now) return `the certificate expired on ${leaf.notAfter.toISOString()}`
    if (leaf.notBefore.getTime() > now.getTime() + DAY) return `the certificate is not valid before ${leaf.notBefore.toISOString()}`
    return undefined
}

function nameCovers(commonName: string, gun: Gun): boolean {
    return commonName === gun || (commonName.endsWith("*") && gun.startsWith(commonName.slice(0, -1)))
}

/**
 * Walk from the trusted root to the newest in `chain`. Without a trusted one the first of the chain is taken on faith (its own
 * signatures still count). Roots older than the trusted one are passed over. Roots on the way may have expired, the last may not, nor its certificates.
 *
 * @throws verification_failed, rollback_detected when `chain` ends before the trusted root, root_rejected for certificates,
 * metadata_expired, no_trust_data when there is no root at all
 */
export function verifyRootChain(
    trusted: MetadataFile | undefined,
    chain: readonly MetadataFile[],
    gun: Gun,
    now: Date,
    options: { readonly ignoreExpiry?: boolean } = {},
): MetadataFile {
    const roots = chain.toSorted((left, right) => left.signed.document.version - right.signed.document.version)
    const last = roots.at(-1)
    if (trusted !== undefined && last !== undefined) checkNotOlder(trusted, last)
    let newest = trusted
    for (const next of roots) newest = advance(newest, next, gun)
    if (newest === undefined) throw new TrustkeyError("no_trust_data", "there is no root")
    const dates = options.ignoreExpiry === true ? undefined : now
    checkCertified(newest, gun, dates)
    if (dates !== undefined) checkUnexpired(newest.signed, dates)
    return newest
}

function checkNotOlder(trusted: MetadataFile, last: MetadataFile): void {
    const [before, after] = [rootOf(trusted.signed).version, rootOf(last.signed).version]
    if (after < before) throw new TrustkeyError("rollback_detected", `the newest root has version ${after}, ${before} is already trusted`)
}

function advance(current: MetadataFile | undefined, next: MetadataFile, gun: Gun): MetadataFile {
    const { version } = rootOf(next.signed)
    const trusted = current?.signed.document.version ?? 0
    if (current !== undefined && version < trusted) return current
    if (current !== undefined && version > trusted) checkRootSuccession(current, next)
    if (version === trusted && next.signed.sha256 !== current?.signed.sha256) {
        throw new TrustkeyError("verification_failed", `there are two different roots of version ${version}`)
    }
    // Also for the version already trusted: the file served may carry other signatures, and it is the one the snapshot names.
    checkCertified(next, gun, undefined)
    return next
}

/** The threshold must be met by keys with good certificates alone. */
function checkCertified(file: MetadataFile, gun: Gun, now: Date | undefined): void {
    verifyRootSignedBy(file, gun, now, () => undefined)
}
