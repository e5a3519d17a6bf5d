import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIds,
    type Delegations,
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
import { DAY } from "../expiry.ts"
import { RELEASES, tidyDelegations } from "./delegations.ts"

/** Notary's default for targets, delegations and snapshot. */
const TARGETS_DAYS = 1095

/** A role that holds tags, and who may sign it. `keyIds` are canonical: what the daemon calls its keys. */
export type TagRole = {
    readonly role: RoleName
    readonly keyIds: readonly KeyId[]
    readonly threshold: number
    /** Prefixes of the tags it may speak about; "" is all. */
    readonly paths: readonly string[]
    /** What is published now; undefined when the role was never signed, or by keys that no longer count. */
    readonly document: TargetsDocument | undefined
    /** What is published and counts for nobody: a signer has left, and the others have not signed it again. */
    readonly stale?: TargetsDocument
    /** Of that document's canonical bytes, hex; empty when there is none. The daemon refuses what was built on something older. */
    readonly base: string
}

/** targets and its direct children: docker looks no deeper. `files`: all that is served, what does not count included. */
export function tagRoles(repository: VerifiedRepository, files: readonly MetadataFile[] = []): readonly TagRole[] {
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
            const stale = file === undefined ? files.find((served) => served.role === role) : undefined
            return {
                ...canonicalRole(targets.delegations.keys, delegation),
                role,
                paths,
                document,
                base: (file ?? stale)?.signed.sha256 ?? "",
                ...(stale === undefined ? {} : { stale: targetsDocumentOf(stale) }),
            }
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
    return { keyIds: canonicalKeyIds(keys, role.keyIds), threshold: role.threshold }
}

/**
 * Where docker signs a tag: into every delegation we have the keys for and whose paths cover the tag; into targets where there are no
 * delegations. `ours` tells whether the daemon has a bound, usable key with this canonical ID for this role. Empty: we can sign it nowhere.
 */
export function rolesToSign(roles: readonly TagRole[], tag: string, ours: (role: RoleName, keyId: KeyId) => boolean): readonly TagRole[] {
    return placesToSign(roles, tag).filter(({ role, keyIds, threshold }) => keyIds.filter((id) => ours(role, id)).length >= threshold)
}

/** Where the tag belongs, whoever has the keys. */
export function placesToSign(roles: readonly TagRole[], tag: string): readonly TagRole[] {
    const delegations = roles.filter(({ role, keyIds }) => role !== TARGETS && keyIds.length > 0)
    if (delegations.length === 0) return roles.filter(({ role }) => role === TARGETS)
    return delegations.filter(({ paths }) => pathMatches(paths, tag))
}

/** What docker pull takes for a tag: what targets/releases says, else what targets says. */
export function releasedMeta(roles: readonly TagRole[], tag: string): FileMeta | undefined {
    const said = (name: RoleName): FileMeta | undefined => {
        const found = roles.find(({ role }) => role === name)
        return found !== undefined && pathMatches(found.paths, tag) ? found.document?.targets.get(tag) : undefined
    }
    return said(RELEASES) ?? said(TARGETS)
}

/** The signers who have signed just this for the tag. */
export function signersOf(roles: readonly TagRole[], tag: string, meta: FileMeta): readonly string[] {
    return roles
        .filter(({ role, paths, document }) => {
            const isSigner = role !== TARGETS && role !== RELEASES
            return isSigner && pathMatches(paths, tag) && sameImage(document?.targets.get(tag), meta)
        })
        .map(({ role }) => role.slice("targets/".length))
        .sort()
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

/** What is to be different in a role's next version. What is left out stays. */
export type Change = {
    readonly change?: (tags: Map<string, FileMeta>) => void
    readonly delegate?: (before: Delegations) => Delegations
}

/** The next version of a role. Canonical bytes. */
export function nextTargets(role: TagRole, version: number, now: Date, { change, delegate }: Change): Buffer {
    const tags = new Map(role.document?.targets)
    change?.(tags)
    const before = role.document?.delegations ?? NO_DELEGATIONS
    const delegations = tidyDelegations(delegate === undefined ? before : delegate(before))
    return encodeTargets({ type: "targets", version, expires: targetsExpiry(now), targets: tags, delegations })
}

export const NO_DELEGATIONS: Delegations = { keys: new Map(), roles: [] }

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
