import { TrustkeyError } from "../errors.ts"
import type { MetadataFile } from "./file.ts"
import type { Gun } from "./gun.ts"
import type { KeyId, TufKey } from "./key.ts"
import { listedKeys, readableKeyId } from "./key-ids.ts"
import type { KeyRole, RootDocument } from "./metadata.ts"
import { BASE_ROLES, type BaseRole, parseRoleName, ROOT, type RoleName } from "./role.ts"
import { roleOf, rootOf } from "./root-trust.ts"
import { verifyThreshold } from "./signature.ts"
import type { SignedMetadata } from "./signed.ts"

/** What is known of one repository, as far as it says who needs which key. */
export type RepositoryInUse = {
    readonly gun: Gun
    /** Every complete root, oldest first; the last may not be published yet. Empty: there is none. */
    readonly roots: readonly MetadataFile[]
    /** The newest version of root seen published; 0: none. */
    readonly published: number
    /** The newest version of root promised, complete or not; 0: none. */
    readonly promised: number
    /** Metadata that may delegate: of each role the newest, and what is promised and newer. */
    readonly targets: readonly SignedMetadata[]
}

/**
 * `signs`: metadata of today names the key. `replaces`: what takes its place is not published. `promised`: a root is promised that may need
 * it. These three need the key. The others only say what it still means: `old-clients`: those that can't walk from root to root.
 * `cached-roots`: those that can. `retired`: it was named once. `bound`: it may sign there, and nothing names it.
 */
export type NeedKind = "signs" | "replaces" | "promised" | "old-clients" | "cached-roots" | "retired" | "bound"

export type KeyNeed = {
    readonly gun: Gun
    readonly role: RoleName
    readonly kind: NeedKind
    /** Whether something that has to work stops, or comes closer to stopping, without the key. */
    readonly needed: boolean
    /** How many of the role's keys are left without it. Of `signs` only. */
    readonly left?: number
    readonly threshold?: number
    /** The canonical IDs of those: who could sign in its place. Of `signs` only. */
    readonly others?: readonly KeyId[]
    /** A clause that goes on after `ROLE of GUN: `. */
    readonly text: string
}

type Place = { readonly gun: Gun; readonly role: RoleName }

export type NeedsOptions = {
    /** Where the key may sign. */
    readonly bindings?: readonly Place[]
    /** Keys that are known to be gone: they count for nothing. */
    readonly gone?: ReadonlySet<string>
}

/**
 * Who still needs the private key `id` (a canonical key ID): the newest root and delegations, what is promised or not yet published, and
 * clients, by the root they have cached. Only `repositories` are looked at; the same key may be trusted in others.
 */
export function keyNeeds(id: KeyId, repositories: readonly RepositoryInUse[], options: NeedsOptions = {}): readonly KeyNeed[] {
    const bindings = options.bindings ?? []
    const gone = options.gone ?? new Set()
    const needs = repositories.flatMap((repository) => repositoryNeeds(id, repository, bindings, gone))
    const unnamed = bindings.filter(({ gun, role }) => !needs.some((need) => need.gun === gun && need.role === role))
    return [...needs, ...unnamed.map((place) => boundNeed(place, repositories))]
}

function repositoryNeeds(
    id: KeyId,
    repository: RepositoryInUse,
    bindings: readonly Place[],
    gone: ReadonlySet<string>,
): readonly KeyNeed[] {
    return [
        ...BASE_ROLES.flatMap((role) => baseRoleNeeds(id, repository, role, gone)),
        ...delegationNeeds(id, repository, gone),
        ...promisedNeeds(id, repository, bindings),
    ]
}

function baseRoleNeeds(
    id: KeyId,
    { gun, roots, published }: RepositoryInUse,
    role: BaseRole,
    gone: ReadonlySet<string>,
): readonly KeyNeed[] {
    const newest = roots.at(-1)
    if (newest === undefined) return []
    const place = { gun, role: parseRoleName(role) }
    const now = rootOf(newest.signed)
    if (holds(now, role, id)) return [signsNeed(place, id, roleOf(now, role), now.keys, gone)]
    const former = roots.map(({ signed }) => rootOf(signed)).filter((root) => holds(root, role, id))
    const last = former.at(-1)
    if (last === undefined) return []
    if (last.version >= published && published < now.version) {
        const text = `root ${now.version}, which names others, is signed and not yet seen published: until then this key counts`
        return [{ ...place, kind: "replaces", needed: true, text }]
    }
    if (role !== ROOT) {
        const text = `named by ${versionsText(former)}, and no longer: nobody needs it`
        return [{ ...place, kind: "retired", needed: false, text }]
    }
    return cachedRootNeeds(place, former, newest)
}

/** Clients that have a root cached in which the key counted. */
function cachedRootNeeds(place: Place, former: readonly RootDocument[], newest: MetadataFile): readonly KeyNeed[] {
    const now = rootOf(newest.signed)
    const alone = former.some((root) => roleOf(root, "root").threshold === 1)
    const forger = alone ? "whoever has it" : "whoever has it and others of its time"
    const walk = `clients with ${versionsText(former)} cached (notary from 0.6, docker from 17.12) need no key: they walk to root ${now.version} by the signatures the server has`
    const why = `destroy it rather than keep it: ${forger} can show such a client a root that was never published`
    const lost = former.filter((root) => !isSignedFor(newest, root))
    const kept = former.filter((root) => !lost.includes(root))
    const old = "clients that can't walk (notary before 0.6, docker before 17.12)"
    const needs: KeyNeed[] = [{ ...place, kind: "cached-roots", needed: false, text: `${walk}; ${why}` }]
    if (kept.length > 0) {
        const text = `${old} and have ${versionsText(kept)} cached can follow now, for root ${now.version} is signed for them too, and no more after the next root`
        needs.push({ ...place, kind: "old-clients", needed: false, text })
    }
    if (lost.length > 0) {
        const text = `${old} and have ${versionsText(lost)} cached can't follow to root ${now.version} with or without it: update them, or remove tuf/${place.gun} from their trust directory`
        needs.push({ ...place, kind: "old-clients", needed: false, text })
    }
    return needs
}

/** As a client that can't walk asks: is the newest root signed by enough keys of the one it has? */
function isSignedFor(newest: MetadataFile, cached: RootDocument): boolean {
    try {
        verifyThreshold(newest.signed, newest.signatures, cached.keys, roleOf(cached, "root"))
        return true
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "verification_failed") return false
        throw error
    }
}

function delegationNeeds(id: KeyId, { gun, targets }: RepositoryInUse, gone: ReadonlySet<string>): readonly KeyNeed[] {
    const needs = new Map<RoleName, KeyNeed>()
    for (const { document } of targets) {
        if (document.type !== "targets") continue
        const { keys, roles } = document.delegations
        for (const role of roles) {
            if (!holders(role, keys).has(id)) continue
            needs.set(role.name, signsNeed({ gun, role: role.name }, id, role, keys, gone))
        }
    }
    return [...needs.values()]
}

function promisedNeeds(id: KeyId, { gun, roots, promised }: RepositoryInUse, bindings: readonly Place[]): readonly KeyNeed[] {
    const complete = roots.at(-1)
    if (promised <= (complete?.signed.document.version ?? 0)) return []
    const isNamed = complete !== undefined && holds(rootOf(complete.signed), "root", id)
    if (!isNamed && !bindings.some((place) => place.gun === gun && place.role === ROOT)) return []
    const text = `root ${promised} is promised and still lacks signatures, maybe this key's: finish it, or void it`
    return [{ gun, role: ROOT, kind: "promised", needed: true, text }]
}

function signsNeed(place: Place, id: KeyId, role: KeyRole, keys: ReadonlyMap<KeyId, TufKey>, gone: ReadonlySet<string>): KeyNeed {
    const all = holders(role, keys)
    const others = [...all].filter((holder) => holder !== id && !gone.has(holder))
    const left = others.length
    const missing = all.size - left - 1
    const { threshold } = role
    const counted = `one of ${all.size} keys${missing === 0 ? "" : `, of which ${missing} ${missing === 1 ? "is" : "are"} gone`}; ${threshold} must sign`
    const one = all.size === 1 ? "its only key" : counted
    const text = `${one}: ${left < threshold ? endOf(place.role) : `without it ${remainderText(left, threshold)}`}`
    return { ...place, kind: "signs", needed: true, left, threshold, others, text }
}

function remainderText(left: number, threshold: number): string {
    return left === threshold ? "each of the others is needed, and the next loss is final" : `${left} are left`
}

function endOf(role: RoleName): string {
    if (role === ROOT) return "without it no root can be signed any more, and the repository has to begin anew (trust reset)"
    if (BASE_ROLES.some((base) => base === role)) return `without it no ${role} can be signed until a new root names another key`
    return "without it nothing can be signed there until its keys are replaced"
}

function boundNeed(place: Place, repositories: readonly RepositoryInUse[]): KeyNeed {
    const known = repositories.some(({ gun, roots }) => gun === place.gun && roots.length > 0)
    const text = known ? "bound to it, and nothing published names it" : "bound to it, and the repository has no root here"
    return { ...place, kind: "bound", needed: false, text }
}

function holds(root: RootDocument, role: BaseRole, id: KeyId): boolean {
    return holders(roleOf(root, role), root.keys).has(id)
}

/** Canonical IDs: two certificates of one key are one holder. Keys nobody can read hold nothing. */
function holders(role: KeyRole, keys: ReadonlyMap<KeyId, TufKey>): ReadonlySet<KeyId> {
    return new Set(listedKeys(keys, role.keyIds).flatMap(canonicalIdOf))
}

// Each repository's roots are asked for each key that is shown, and a key is never changed once parsed.
const canonicalIds = new WeakMap<TufKey, readonly KeyId[]>()

function canonicalIdOf(key: TufKey): readonly KeyId[] {
    const known = canonicalIds.get(key)
    if (known !== undefined) return known
    const id = readableKeyId(key)
    const found = id === undefined ? [] : [id]
    canonicalIds.set(key, found)
    return found
}

/** `root 1`, `root 1 to 3`, `root 1, 3 to 4` */
function versionsText(roots: readonly RootDocument[]): string {
    const ranges: { from: number; to: number }[] = []
    for (const { version } of roots) {
        const last = ranges.at(-1)
        if (last !== undefined && last.to === version - 1) last.to = version
        else ranges.push({ from: version, to: version })
    }
    return `root ${ranges.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(", ")}`
}
