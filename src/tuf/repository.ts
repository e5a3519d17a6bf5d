import { TrustkeyError } from "../errors.ts"
import { effectivePaths, pathMatches } from "./delegation.ts"
import { checkUnexpired, isExpired } from "./expiry.ts"
import type { MetadataFile } from "./file.ts"
import { fileMatches } from "./file-meta.ts"
import type { Gun } from "./gun.ts"
import type { Delegation, FileMeta, RootDocument, TargetsDocument } from "./metadata.ts"
import type { BaseRole, RoleName } from "./role.ts"
import { roleOf, rootOf, verifyRootChain } from "./root-trust.ts"
import { verifyThreshold } from "./signature.ts"

/** As fetched. `roots` in any order, from the trusted one (or the first) to the newest. */
export type RepositoryFiles = {
    readonly roots: readonly MetadataFile[]
    readonly timestamp?: MetadataFile
    readonly snapshot?: MetadataFile
    readonly targets?: MetadataFile
    readonly delegations: readonly MetadataFile[]
}

export type VerifiedRepository = {
    readonly root: MetadataFile
    readonly timestamp: MetadataFile
    readonly snapshot: MetadataFile
    readonly targets: MetadataFile
    /** Only those whose signatures count. */
    readonly delegations: ReadonlyMap<RoleName, MetadataFile>
    /** One sentence for each delegation left out. */
    readonly warnings: readonly string[]
}

export type VerifyOptions = {
    readonly ignoreExpiry?: boolean
    /** The least version of each role that is acceptable: the newest ever seen. */
    readonly versions?: ReadonlyMap<RoleName, number>
}

/**
 * Check a repository as a Notary client must: root chain, timestamp, snapshot by the timestamp's hash and length, root, targets and
 * delegations by the snapshot's, each with its threshold and in date. A delegation that has expired or lacks signatures is left out with
 * a warning, and everything below it; so is one nobody delegates to. A delegation without a file is nothing special unless the snapshot lists one.
 *
 * @throws no_trust_data when root, timestamp, snapshot or targets are not there; metadata_expired; rollback_detected for a version below
 * `trusted` or `versions`; root_rejected for certificates; verification_failed for everything else.
 */
export function verifyRepository(
    trusted: MetadataFile | undefined,
    files: RepositoryFiles,
    gun: Gun,
    now: Date,
    options: VerifyOptions = {},
): VerifiedRepository {
    const root = verifyRootChain(trusted, files.roots, gun, now, options)
    const rootDocument = rootOf(root.signed)
    checkVersion(root, options)

    const timestamp = verifyBaseFile(rootDocument, "timestamp", files.timestamp, now, options)
    const snapshot = verifyBaseFile(rootDocument, "snapshot", files.snapshot, now, options)
    checkListed(metaOf(timestamp), snapshot, "timestamp")

    const listed = metaOf(snapshot)
    const targets = verifyBaseFile(rootDocument, "targets", files.targets, now, options)
    checkListed(listed, root, "snapshot")
    checkListed(listed, targets, "snapshot")

    const walk = new DelegationWalk(files.delegations, listed, now, options)
    walk.below(targets)
    return { root, timestamp, snapshot, targets, delegations: walk.verified, warnings: [...walk.warnings, ...walk.unused()] }
}

function verifyBaseFile(
    root: RootDocument,
    role: BaseRole,
    file: MetadataFile | undefined,
    now: Date,
    options: VerifyOptions,
): MetadataFile {
    if (file === undefined) throw new TrustkeyError("no_trust_data", `there is no ${role}`)
    if (file.role !== role) throw new TrustkeyError("invalid_request", `the file of ${file.role} was given as ${role}`)
    verifyThreshold(file.signed, file.signatures, root.keys, roleOf(root, role))
    checkVersion(file, options)
    if (options.ignoreExpiry !== true) checkUnexpired(file.signed, now)
    return file
}

function checkVersion(file: MetadataFile, options: VerifyOptions): void {
    const least = options.versions?.get(file.role) ?? 0
    const { version } = file.signed.document
    if (version < least)
        throw new TrustkeyError("rollback_detected", `${file.role} version ${version} is older than ${least}, already seen`)
}

function metaOf(file: MetadataFile): ReadonlyMap<string, FileMeta> {
    const { document } = file.signed
    if (document.type !== "snapshot" && document.type !== "timestamp") throw new TrustkeyError("internal", `${file.role} lists no files`)
    return document.meta
}

export function targetsOf(file: MetadataFile): TargetsDocument {
    if (file.signed.document.type !== "targets") throw new TrustkeyError("invalid_request", `${file.role} holds no targets`)
    return file.signed.document
}

function checkListed(meta: ReadonlyMap<string, FileMeta>, file: MetadataFile, by: "timestamp" | "snapshot"): void {
    const listed = meta.get(file.role)
    if (listed === undefined) throw new TrustkeyError("verification_failed", `the ${by} does not list ${file.role}`)
    if (!fileMatches(listed, file.content)) throw new TrustkeyError("verification_failed", `${file.role} is not the file the ${by} lists`)
}

/** Parents before children, so that a role counts only through roles that count. */
class DelegationWalk {
    readonly verified = new Map<RoleName, MetadataFile>()
    readonly warnings: string[] = []
    readonly #files: ReadonlyMap<RoleName, MetadataFile>
    readonly #listed: ReadonlyMap<string, FileMeta>
    readonly #now: Date
    readonly #options: VerifyOptions
    readonly #seen = new Set<RoleName>()

    constructor(files: readonly MetadataFile[], listed: ReadonlyMap<string, FileMeta>, now: Date, options: VerifyOptions) {
        this.#files = new Map(files.map((file) => [file.role, file]))
        if (this.#files.size < files.length) throw new TrustkeyError("invalid_request", "two files for one delegation")
        this.#listed = listed
        this.#now = now
        this.#options = options
    }

    below(parent: MetadataFile): void {
        // Role names grow with each level and end below 256 characters, and so does this recursion.
        for (const delegation of targetsOf(parent).delegations.roles) {
            const file = this.#verify(parent, delegation)
            if (file === undefined) continue
            this.verified.set(delegation.name, file)
            this.below(file)
        }
    }

    unused(): readonly string[] {
        return [...this.#files.keys()]
            .filter((role) => !this.#seen.has(role))
            .map((role) => `${role} is ignored: no valid role delegates to it`)
    }

    #verify(parent: MetadataFile, delegation: Delegation): MetadataFile | undefined {
        const file = this.#files.get(delegation.name)
        if (file === undefined) {
            if (!this.#listed.has(delegation.name)) return undefined
            throw new TrustkeyError("verification_failed", `the snapshot lists ${delegation.name}, and its file is missing`)
        }
        this.#seen.add(delegation.name)
        checkListed(this.#listed, file, "snapshot")
        const problem = this.#problem(parent, delegation, file)
        if (problem !== undefined) {
            this.warnings.push(`${delegation.name} is ignored: ${problem}`)
            return undefined
        }
        checkVersion(file, this.#options)
        return file
    }

    #problem(parent: MetadataFile, delegation: Delegation, file: MetadataFile): string | undefined {
        try {
            verifyThreshold(file.signed, file.signatures, targetsOf(parent).delegations.keys, delegation)
        } catch (error) {
            if (error instanceof TrustkeyError) return error.message
            throw error
        }
        if (this.#options.ignoreExpiry === true || !isExpired(file.signed, this.#now)) return undefined
        return `it expired on ${file.signed.document.expires.toISOString()}`
    }
}

export type TrustedTarget = { readonly role: RoleName; readonly name: string; readonly meta: FileMeta }

/** Every target somebody trusted vouches for: those of targets first, then of each delegation within its paths, parents before children. */
export function trustedTargets(repository: VerifiedRepository): readonly TrustedTarget[] {
    const found: TrustedTarget[] = []
    const collect = (file: MetadataFile, paths: readonly string[]): void => {
        const document = targetsOf(file)
        for (const [name, meta] of document.targets) {
            if (pathMatches(paths, name)) found.push({ role: file.role, name, meta })
        }
        for (const delegation of document.delegations.roles) {
            const child = repository.delegations.get(delegation.name)
            if (child !== undefined) collect(child, effectivePaths(paths, delegation))
        }
    }
    collect(repository.targets, [""])
    return found
}
