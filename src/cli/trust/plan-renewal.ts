import { parseCertificateChain } from "../../crypto/index.ts"
import type { CurrentRepository } from "../../publish/index.ts"
import {
    encodeRoot,
    type KeyId,
    listedKeys,
    type MetadataFile,
    ROOT,
    type RoleName,
    type RootDocument,
    SNAPSHOT,
    TARGETS,
} from "../../tuf/index.ts"
import type { DaemonRepository } from "../daemon-types.ts"
import { isDue, ROOT_CERTIFICATE } from "../expiry.ts"
import { shortId } from "../output.ts"
import { rootExpiry } from "./build-first.ts"
import { canonicalRole, rootDocumentOf, snapshotRole, type TagRole, targetsDocumentOf } from "./build-update.ts"

/** What of a repository is signed anew, and what is not although it should be. */
export type RenewalPlan = {
    /** Targets and delegations, with the tags they have. */
    readonly places: readonly PlannedPlace[]
    /** The next root: same keys, same certificates, a new date. */
    readonly root: PlannedRoot | undefined
    /** Whether our snapshot is what is due: it is signed whenever something else is. */
    readonly snapshotDue: boolean
    readonly left: readonly LeftRole[]
}
export type PlannedPlace = {
    readonly place: TagRole
    readonly expires: Date
    /**
     * `due`: its date. `carrier`: not due itself; the snapshot is, and can't be signed alone. `witness`: its signatures don't count any
     * more, its content is signed by the keys it is delegated to now.
     */
    readonly why: "due" | "carrier" | "witness"
}
export type PlannedRoot = {
    readonly signed: Uint8Array
    readonly version: number
    readonly base: string
    readonly expires: Date
    readonly keyIds: readonly KeyId[]
    readonly threshold: number
}
export type LeftRole = {
    readonly role: string
    readonly expires: Date
    readonly reason: string
    /** No key can: the root's certificate ends, and a root can't outlive it. */
    readonly needsRotation?: boolean
    /** Whose keys could do it, by canonical ID. */
    readonly keyIds: readonly string[]
}

/** Whoever plants content could try out many for one that shares its first digits with what was looked at; not for so many. */
export const WITNESS_DIGITS = 16

export type RenewalWish = {
    readonly now: Date
    readonly withinDays: number
    /** Undefined: all. */
    readonly roles: readonly string[] | undefined
    /** Delegations whose content is to be signed although its signatures don't count, and the first digits of its SHA-256 a person has seen. */
    readonly witness: ReadonlyMap<string, string>
    /** Whether the key with this canonical ID is ours and can be used for this role. */
    readonly canUse: (role: RoleName, keyId: KeyId) => boolean
    /** Whether the server signs snapshots itself. */
    readonly serverSnapshot: boolean
}

/** Pure: what to do about a repository as it is published. `known`: what the daemon has verified of it. */
export function planRenewal(current: CurrentRepository, known: DaemonRepository, wish: RenewalWish): RenewalPlan {
    const wanted = (role: string): boolean => wish.roles === undefined || wish.roles.includes(role)
    const planned: PlannedPlace[] = []
    const left: LeftRole[] = []
    for (const { place, file, counts } of signedRoles(current)) {
        if (!wanted(place.role)) continue
        const { expires } = file.signed.document
        if (counts && !isDue(expires, wish.now, wish.withinDays)) continue
        const reason = unsignable(place, wish) ?? (counts || isWitnessed(file, wish) ? undefined : nobodyVouches(place, file, known))
        if (reason === undefined) planned.push({ place, expires, why: counts ? "due" : "witness" })
        else left.push({ role: place.role, expires, reason, keyIds: place.keyIds })
    }
    const { root, rootLeft } = planRoot(current, wish, wanted)
    const snapshot = dueSnapshot(current, wish, wanted)
    let reason = snapshot?.reason
    if (snapshot !== undefined && reason === undefined && planned.length === 0 && root === undefined) {
        const carrier = carrierFor(current, wish)
        if (carrier === undefined) reason = "it is signed together with other metadata, and no key for any is usable here"
        else planned.push(carrier)
    }
    const snapshotLeft = snapshot === undefined || reason === undefined ? [] : [{ ...snapshot, reason }]
    return {
        places: planned,
        root,
        snapshotDue: snapshot !== undefined && reason === undefined,
        left: [...left, ...rootLeft, ...snapshotLeft],
    }
}

export type SignedRole = { readonly place: TagRole; readonly file: MetadataFile; readonly counts: boolean }

/** targets and every delegation that was ever signed, parents first; also those whose signatures don't count, which lead nowhere. */
export function signedRoles({ verified, files }: CurrentRepository): readonly SignedRole[] {
    const root = rootDocumentOf(verified.root)
    const top = { ...canonicalRole(root.keys, root.roles.get("targets")), role: TARGETS, paths: [""] }
    const found: SignedRole[] = [{ place: placeOf(top, verified.targets), file: verified.targets, counts: true }]
    const waiting = [verified.targets]
    for (let parent = waiting.shift(); parent !== undefined; parent = waiting.shift()) {
        const { keys, roles } = targetsDocumentOf(parent).delegations
        for (const delegation of roles) {
            const valid = verified.delegations.get(delegation.name)
            const file = valid ?? files.find(({ role }) => role === delegation.name)
            if (file === undefined) continue
            const role = { ...canonicalRole(keys, delegation), role: delegation.name, paths: delegation.paths }
            found.push({ place: placeOf(role, file), file, counts: valid !== undefined })
            if (valid !== undefined) waiting.push(valid)
        }
    }
    return found
}

function placeOf(role: Omit<TagRole, "document" | "base">, file: MetadataFile): TagRole {
    return { ...role, document: targetsDocumentOf(file), base: file.signed.sha256 }
}

/** Undefined: we hold enough keys. */
function unsignable(
    { role, keyIds, threshold }: { readonly role: RoleName; readonly keyIds: readonly KeyId[]; readonly threshold: number },
    wish: RenewalWish,
): string | undefined {
    const ours = keyIds.filter((id) => wish.canUse(role, id))
    if (ours.length >= threshold) return undefined
    if (keyIds.length === 0) return "no key may sign it: whoever holds the role above has to add one"
    const others = keyIds.filter((id) => !ours.includes(id)).map(shortId)
    if (ours.length === 0) return `no key of it is usable here; held elsewhere: ${others.join(", ")}`
    return `it takes ${threshold} signatures and ${ours.length} can be made here; held elsewhere: ${others.join(", ")}`
}

/**
 * Signatures that don't count protect nothing: whoever can write to the server could have put any tags there. What counted once and was
 * verified here may not count any more because its signer was taken away. So a person looks at it, and what is signed is what was looked at.
 */
function isWitnessed({ role, signed }: MetadataFile, { witness }: RenewalWish): boolean {
    const digits = witness.get(role)
    return digits !== undefined && signed.sha256.startsWith(digits)
}

function nobodyVouches({ role, document }: TagRole, { signed }: MetadataFile, known: DaemonRepository): string {
    const mark = known.marks.find((other) => other.role === role)
    const seen = mark?.version === signed.document.version && mark.sha256 === signed.sha256
    const tags = [...(document?.targets ?? [])].map(([name, { hashes }]) => {
        return `${name} ${Buffer.from(hashes.get("sha256") ?? []).toString("hex")}`
    })
    const content = tags.length === 0 ? "no tags" : tags.join(", ")
    const when = seen ? "don't count any more" : "don't count, and it is not what was verified here before"
    return `its signatures ${when}; it holds ${content}. If that is right: --witness ${role}=${signed.sha256.slice(0, WITNESS_DIGITS)}`
}

function planRoot(
    { verified }: CurrentRepository,
    wish: RenewalWish,
    wanted: (role: string) => boolean,
): { readonly root: PlannedRoot | undefined; readonly rootLeft: readonly LeftRole[] } {
    const document = rootDocumentOf(verified.root)
    const certificate = firstToExpire(document)
    const { keyIds, threshold } = canonicalRole(document.keys, document.roles.get("root"))
    const rotation = "a new date does not help: the root key needs a new certificate, which is a rotation of the root key"
    const leave = (role: string, expires: Date): LeftRole => ({ role, expires, reason: rotation, needsRotation: true, keyIds })
    const rootDue = isDue(document.expires, wish.now, wish.withinDays)
    const certificateDue = certificate !== undefined && isDue(certificate.notAfter, wish.now, wish.withinDays)
    if (!wanted(ROOT) || !(rootDue || certificateDue)) return { root: undefined, rootLeft: [] }
    if (certificate !== undefined && certificateDue) {
        const rootLeft = [leave(ROOT_CERTIFICATE, certificate.notAfter)]
        return { root: undefined, rootLeft: rootDue ? [leave(ROOT, document.expires), ...rootLeft] : rootLeft }
    }
    const expires = certificate === undefined ? document.expires : rootExpiry(wish.now, [certificate.pem])
    const reason = unsignable({ role: ROOT, keyIds, threshold }, wish)
    if (reason !== undefined) return { root: undefined, rootLeft: [{ role: ROOT, expires: document.expires, reason, keyIds }] }
    if (expires <= document.expires) return { root: undefined, rootLeft: [leave(ROOT, document.expires)] }
    const version = document.version + 1
    const signed = encodeRoot({ ...document, version, expires })
    return { root: { signed, version, base: verified.root.signed.sha256, expires, keyIds, threshold }, rootLeft: [] }
}

/** Of the certificates that may sign root now; older ones stay in the file for ever. */
function firstToExpire(root: RootDocument): { readonly pem: string; readonly notAfter: Date } | undefined {
    const found = listedKeys(root.keys, root.roles.get("root")?.keyIds).flatMap((key) => {
        if (!key.keytype.endsWith("-x509")) return []
        const pem = Buffer.from(key.public).toString("utf8")
        const leaf = parseCertificateChain(pem)[0]
        return leaf === undefined ? [] : [{ pem, notAfter: leaf.notAfter }]
    })
    return found.sort((a, b) => a.notAfter.getTime() - b.notAfter.getTime())[0]
}

/** Undefined: not due, or the server's to renew. Without a reason: we can. */
function dueSnapshot(
    { verified }: CurrentRepository,
    wish: RenewalWish,
    wanted: (role: string) => boolean,
): (Omit<LeftRole, "reason"> & { readonly reason: string | undefined }) | undefined {
    const { expires } = verified.snapshot.signed.document
    if (!wanted(SNAPSHOT) || wish.serverSnapshot || !isDue(expires, wish.now, wish.withinDays)) return undefined
    const role = { ...snapshotRole(verified), role: SNAPSHOT }
    return { role: SNAPSHOT, expires, keyIds: role.keyIds, reason: unsignable(role, wish) }
}

/** Something of ours to sign beside the snapshot: targets rather than a delegation. */
function carrierFor(current: CurrentRepository, wish: RenewalWish): PlannedPlace | undefined {
    const able = signedRoles(current).filter(({ place, counts }) => counts && unsignable(place, wish) === undefined)
    const [first] = able
    return first === undefined ? undefined : { place: first.place, expires: first.file.signed.document.expires, why: "carrier" }
}
