import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    encodeTargets,
    type FileMeta,
    type KeyId,
    type KeyRole,
    type MetadataFile,
    parentOf,
    pathMatches,
    type RoleName,
    type RootDocument,
    TARGETS,
    type TargetsDocument,
    type TufKey,
    type VerifiedRepository,
} from "../../tuf/index.ts"

const DAY = 86_400_000
/** Notary's default for targets, delegations and snapshot. */
const TARGETS_DAYS = 1095

/** A role that holds tags, and who may sign it. `keyIds` are canonical: what the daemon calls its keys. */
export type TagRole = {
    readonly role: RoleName
    readonly keyIds: readonly KeyId[]
    readonly threshold: number
    /** Prefixes of the tags it may speak about; "" is all. */
    readonly paths: readonly string[]
    /** What is published now; undefined when the role was never signed. */
    readonly document: TargetsDocument | undefined
    /** Of that document's canonical bytes, hex; empty when there is none. The daemon refuses what was built on something older. */
    readonly base: string
}

/** targets and its direct children: docker looks no deeper. */
export function tagRoles(repository: VerifiedRepository): readonly TagRole[] {
    const root = rootDocumentOf(repository.root)
    const targets = targetsDocumentOf(repository.targets)
    const base = repository.targets.signed.sha256
    const top = { ...canonicalRole(root.keys, root.roles.get("targets")), role: TARGETS, paths: [""], document: targets, base }
    const below = targets.delegations.roles
        .filter(({ name }) => parentOf(name) === TARGETS)
        .map((delegation) => {
            const file = repository.delegations.get(delegation.name)
            const document = file === undefined ? undefined : targetsDocumentOf(file)
            const { name: role, paths } = delegation
            return { ...canonicalRole(targets.delegations.keys, delegation), role, paths, document, base: file?.signed.sha256 ?? "" }
        })
    return [top, ...below]
}

/** Who holds the snapshot key, by canonical ID. */
export function snapshotRole(repository: VerifiedRepository): { readonly keyIds: readonly KeyId[]; readonly threshold: number } {
    const root = rootDocumentOf(repository.root)
    return canonicalRole(root.keys, root.roles.get("snapshot"))
}

/** With the IDs the daemon gives its keys. @throws verification_failed */
export function canonicalRole(
    keys: ReadonlyMap<KeyId, TufKey>,
    role: KeyRole | undefined,
): { keyIds: readonly KeyId[]; threshold: number } {
    if (role === undefined) throw new TrustkeyError("verification_failed", "root leaves out a role")
    const ids = role.keyIds.flatMap((id) => {
        const key = keys.get(id)
        return key === undefined ? [] : [canonicalKeyIdOf(key)]
    })
    return { keyIds: [...new Set(ids)], threshold: role.threshold }
}

/**
 * Where docker signs a tag: into every delegation we have a key for and whose paths cover the tag; else into targets. `ours` tells whether
 * the daemon has a bound, usable key with this canonical ID for this role. Empty: we can sign it nowhere.
 */
export function rolesToSign(roles: readonly TagRole[], tag: string, ours: (role: RoleName, keyId: KeyId) => boolean): readonly TagRole[] {
    const able = roles.filter(({ role, keyIds, paths }) => pathMatches(paths, tag) && keyIds.some((id) => ours(role, id)))
    const delegations = able.filter(({ role }) => role !== TARGETS)
    return delegations.length > 0 ? delegations : able
}

/** Above everything published and everything promised (gaps are legal for every role but root). */
export function nextVersion(published: number | undefined, promised: number | undefined): number {
    return Math.max(published ?? 0, promised ?? 0) + 1
}

/** Whole seconds: what Go writes for it is what we write. */
export function expiresAfterDays(now: Date, days: number): Date {
    return new Date(Math.floor((now.getTime() + days * DAY) / 1000) * 1000)
}

export function targetsExpiry(now: Date): Date {
    return expiresAfterDays(now, TARGETS_DAYS)
}

/** What docker writes for an image: the manifest's SHA-256, and its length. @throws invalid_request */
export function imageMeta(digest: string, size: number): FileMeta {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1]
    if (hex === undefined) throw new TrustkeyError("invalid_request", "a digest is sha256: and 64 hex digits")
    if (!Number.isSafeInteger(size) || size < 1) throw new TrustkeyError("invalid_request", "a manifest has at least one byte")
    return { hashes: new Map([["sha256", Buffer.from(hex, "hex")]]), length: size }
}

export function sameImage(a: FileMeta | undefined, b: FileMeta): boolean {
    const [left, right] = [a?.hashes.get("sha256"), b.hashes.get("sha256")]
    return a !== undefined && left !== undefined && right !== undefined && a.length === b.length && Buffer.from(left).equals(right)
}

/** The next version of a role with `change` made to its tags; delegations are carried over. Canonical bytes. */
export function nextTargets(role: TagRole, version: number, now: Date, change: (tags: Map<string, FileMeta>) => void): Buffer {
    const tags = new Map(role.document?.targets)
    change(tags)
    const delegations = role.document?.delegations ?? { keys: new Map(), roles: [] }
    return encodeTargets({ type: "targets", version, expires: targetsExpiry(now), targets: tags, delegations })
}

/** A delegation whose file was left out as invalid: building on nothing would drop the tags in it. */
export function lostDelegations(repository: VerifiedRepository, files: readonly MetadataFile[]): ReadonlySet<RoleName> {
    const served = files.filter(({ role }) => parentOf(role) !== undefined).map(({ role }) => role)
    return new Set(served.filter((role) => !repository.delegations.has(role)))
}

export function versionOf(file: MetadataFile | undefined): number | undefined {
    return file?.signed.document.version
}

export function rootDocumentOf(file: MetadataFile): RootDocument {
    if (file.signed.document.type !== "root") throw new TrustkeyError("verification_failed", `${file.role} is no root`)
    return file.signed.document
}

export function targetsDocumentOf(file: MetadataFile): TargetsDocument {
    if (file.signed.document.type !== "targets") throw new TrustkeyError("verification_failed", `${file.role} holds no targets`)
    return file.signed.document
}
