import { TrustkeyError } from "../errors.ts"
import type { KeyRecord, Repository } from "../journal/index.ts"
import { isAllowed, limitsFor, type Policy, type Principal } from "../policy/index.ts"
import {
    BASE_ROLES,
    type BaseRole,
    changedRoles,
    checkRootCertificates,
    delegationOf,
    type FileMeta,
    fileMatches,
    type Gun,
    globMatches,
    type KeyId,
    parentOf,
    pathMatches,
    ROOT,
    type RoleName,
    type RootDocument,
    readableKeyId,
    type SignedMetadata,
    type TargetsDocument,
    type TufKey,
} from "../tuf/index.ts"

export const DAY = 86_400_000
/** Unless a limit says otherwise: what Notary's own clients write (3650 and 1095 days), and a day for clocks. */
const DEFAULT_VALIDITY = { root: 3651 * DAY, other: 1096 * DAY }

/** Who a role trusts. */
export type Authority = { readonly keys: ReadonlyMap<KeyId, TufKey>; readonly keyIds: readonly KeyId[]; readonly threshold: number }

/** What a body is checked against. `bodies`: the other bodies of the same set, which count as if they were there already. */
export type Surroundings = {
    readonly policy: Policy
    readonly principal: Principal
    readonly gun: Gun
    readonly repository: Repository | undefined
    readonly bodies: ReadonlyMap<RoleName, SignedMetadata>
    readonly now: Date
}

/**
 * Everything that can be said against a body before it is promised.
 *
 * @throws metadata_rejected, expiry_rejected, root_rejected, threshold_lowered, immutable_target, repository_unknown,
 *   rollback_refused, equivocation_refused
 */
export function checkBody(around: Surroundings, body: SignedMetadata): void {
    checkExpiry(around, body.role, body.document.expires)
    const document = body.document
    switch (document.type) {
        case "root":
            checkRoot(around, body, document)
            return
        case "targets":
            checkTargets(around, body, document)
            return
        case "snapshot":
            checkSnapshot(around, document.meta)
            return
        case "timestamp":
            throw new TrustkeyError("metadata_rejected", "timestamps are signed by the server that holds the timestamp key")
    }
}

/** @throws expiry_rejected */
export function checkExpiry(around: Surroundings, role: RoleName, expires: Date): void {
    const left = expires.getTime() - around.now.getTime()
    if (left <= 0) throw new TrustkeyError("expiry_rejected", `${role} would be expired already`)
    const limit = limitsFor(around.policy, around.gun, role).maxValidity
    const most = limit ?? (role === "root" ? DEFAULT_VALIDITY.root : DEFAULT_VALIDITY.other)
    if (left > most) {
        throw new TrustkeyError(
            "expiry_rejected",
            `${role} would be valid for ${Math.ceil(left / DAY)} days; at most ${Math.floor(most / DAY)} are allowed`,
        )
    }
}

function checkRoot(around: Surroundings, body: SignedMetadata, root: RootDocument): void {
    if (root.consistentSnapshot) throw new TrustkeyError("root_rejected", "Notary's clients need consistent_snapshot to be false")
    checkRootCertificates(root, around.gun, around.now, { every: true })
    // A root we promised before is a retry: it was checked against its own predecessor then.
    const earlier = around.repository?.roots.find((known) => known.signed.document.version === root.version)
    if (earlier?.signed.sha256 === body.sha256) return
    const previous = rootDocument(around.repository?.root?.signed)
    if (previous === undefined) {
        if (root.version !== 1)
            throw new TrustkeyError("repository_unknown", `${around.gun} is not known here: take it in with trust adopt`)
        return
    }
    if (root.version === previous.version)
        throw new TrustkeyError("equivocation_refused", `root version ${root.version} was already signed with other content`)
    // TUF 5.3.3: a client walks the roots one by one.
    if (root.version !== previous.version + 1) {
        throw new TrustkeyError(
            root.version < previous.version ? "rollback_refused" : "root_rejected",
            `root version ${root.version} does not follow ${previous.version}`,
        )
    }
    checkRotation(around, changedRoles(previous, root))
    for (const [role, { threshold }] of previous.roles) {
        const next = root.roles.get(role)?.threshold ?? 0
        if (next >= threshold) continue
        if (isAllowed(around.policy, around.principal, "lower-threshold", [{ gun: around.gun, role: "root" }])) continue
        throw new TrustkeyError("threshold_lowered", `the threshold of ${role} would fall from ${threshold} to ${next}`)
    }
}

/** A new date is a signature like any other; other keys are another repository, as far as anybody can tell from outside. */
function checkRotation({ policy, principal, gun }: Surroundings, roles: readonly BaseRole[]): void {
    if (roles.length === 0 || isAllowed(policy, principal, "rotate", [{ gun, role: "root" }])) return
    const what = `this root changes keys or threshold of ${roles.join(", ")}`
    throw new TrustkeyError("denied", `${what}: besides sign that needs a rule that allows rotate for root of ${gun}`)
}

function checkTargets(around: Surroundings, body: SignedMetadata, next: TargetsDocument): void {
    const delegation = body.role === "targets" ? undefined : delegationFor(around, body.role)
    if (delegation !== undefined) {
        for (const name of next.targets.keys()) {
            if (!pathMatches(delegation.paths, name))
                throw new TrustkeyError("metadata_rejected", `${body.role} may not sign the target ${JSON.stringify(name)}`)
        }
    }
    checkImmutable(around, body, next)
}

function checkImmutable(around: Surroundings, body: SignedMetadata, next: TargetsDocument): void {
    const globs = limitsFor(around.policy, around.gun, body.role).immutableTargets
    if (globs.length === 0) return
    const before = targetsDocument(around.repository?.documents.get(body.role)?.signed)?.targets
    for (const signed of whatIsSaid(around, body)) {
        for (const [name, meta] of targetsDocument(signed)?.targets ?? []) {
            const now = next.targets.get(name)
            // Taking it away from its own role counts too: or it could come back with another digest.
            const stays = now === undefined ? signed.role !== body.role : sameContent(meta, now) || sameContent(before?.get(name), now)
            // Patterns last: they cost most, and nearly everything stays.
            if (stays || !globs.some((glob) => globMatches(glob, name))) continue
            throw new TrustkeyError("immutable_target", `${JSON.stringify(name)} is released and may not change`)
        }
    }
}

/**
 * What is known to be said about targets: by the newest documents, by promises beyond them, which somebody may have published
 * without showing us, and by the others of the set.
 */
function whatIsSaid(around: Surroundings, body: SignedMetadata): readonly SignedMetadata[] {
    const documents = [...(around.repository?.documents.values() ?? [])].map((file) => file.signed)
    return [...documents, ...(around.repository?.promised.values() ?? []), ...around.bodies.values()].filter((said) => said !== body)
}

/** Another digest beside the same SHA-256 is another content too: clients would find one of them wrong. */
function sameContent(one: FileMeta | undefined, other: FileMeta): boolean {
    if (one === undefined || one.length !== other.length) return false
    const same = (algorithm: string): boolean | undefined => {
        const [left, right] = [one.hashes.get(algorithm), other.hashes.get(algorithm)]
        return left === undefined || right === undefined ? undefined : Buffer.compare(left, right) === 0
    }
    return same("sha256") === true && same("sha512") !== false
}

/** Each entry has to be the file we know as the newest: a snapshot that mixes old and new files is an attack (TUF 5.6.2). */
function checkSnapshot(around: Surroundings, meta: ReadonlyMap<string, FileMeta>): void {
    const known = currentFiles(around.repository)
    for (const file of known) {
        const stated = meta.get(file.role)
        if (stated === undefined || !fileMatches(stated, file.content)) {
            throw new TrustkeyError(
                "metadata_rejected",
                `the snapshot does not name the newest ${file.role} file; present what is published first`,
            )
        }
    }
    for (const role of meta.keys()) {
        if (!known.some((file) => file.role === role))
            throw new TrustkeyError("metadata_rejected", `the snapshot names ${JSON.stringify(role)}, which is not known here`)
    }
}

/** The files a snapshot names: root, targets and delegations, the newest of each. */
export function currentFiles(repository: Repository | undefined): readonly { readonly role: RoleName; readonly content: Uint8Array }[] {
    if (repository?.root === undefined) return []
    const rest = [...repository.documents.values()].filter((file) => file.signed.document.type === "targets")
    return [repository.root, ...rest]
}

/**
 * Who may sign a role: for root its own list and its predecessor's, for everything else what the root or the parent says.
 *
 * @throws metadata_rejected when nobody may.
 */
export function authoritiesFor(around: Surroundings, body: SignedMetadata): readonly Authority[] {
    const role = body.role
    if (body.document.type === "root") {
        const previous = rootDocument(
            around.repository?.roots.findLast((known) => known.signed.document.version < body.document.version)?.signed,
        )
        return [body.document, ...(previous === undefined ? [] : [previous])].map((root) => rootAuthority(root, "root"))
    }
    const base = BASE_ROLES.find((candidate) => candidate === role)
    if (base !== undefined) return [baseAuthority(around, base)]
    const delegation = delegationFor(around, role)
    return [{ keys: delegation.keys, keyIds: delegation.keyIds, threshold: delegation.threshold }]
}

/** The TUF key ID under which our key signs for a role. @throws metadata_rejected when the role does not list it. */
export function roleKeyOf(authorities: readonly Authority[], record: KeyRecord, role: RoleName): KeyId {
    for (const { keys, keyIds } of authorities) {
        for (const keyId of keyIds) {
            const key = keys.get(keyId)
            if (key !== undefined && isKeyOf(key, record)) return keyId
        }
    }
    throw new TrustkeyError("metadata_rejected", `the key ${record.id.slice(0, 12)} is not among those trusted for ${role}`)
}

/** Among others' keys there may be some that can't be read. */
export function isKeyOf(key: TufKey, record: KeyRecord): boolean {
    return readableKeyId(key) === record.id
}

/** Who may sign a role that root speaks of, as the set's own root says if there is one. @throws repository_unknown */
export function baseAuthority(around: Surroundings, role: BaseRole): Authority {
    const root = rootDocument(around.bodies.get(ROOT) ?? around.repository?.root?.signed)
    if (root === undefined) throw new TrustkeyError("repository_unknown", `${around.gun} has no root here`)
    return rootAuthority(root, role)
}

function rootAuthority(root: RootDocument, role: BaseRole): Authority {
    const { keyIds, threshold } = root.roles.get(role) ?? { keyIds: [], threshold: 1 }
    return { keys: root.keys, keyIds, threshold }
}

type FoundDelegation = Authority & { readonly paths: readonly string[] }

function delegationFor(around: Surroundings, role: RoleName): FoundDelegation {
    const parentName = parentOf(role) ?? role
    const parent = targetsDocument(around.bodies.get(parentName) ?? around.repository?.documents.get(parentName)?.signed)
    const found = parent === undefined ? undefined : delegationOf(parent, role)
    if (parent === undefined || found === undefined)
        throw new TrustkeyError("metadata_rejected", `${parentName} does not delegate to ${role}`)
    return { keys: parent.delegations.keys, keyIds: found.keyIds, threshold: found.threshold, paths: found.paths }
}

function rootDocument(signed: SignedMetadata | undefined): RootDocument | undefined {
    return signed?.document.type === "root" ? signed.document : undefined
}

function targetsDocument(signed: SignedMetadata | undefined): TargetsDocument | undefined {
    return signed?.document.type === "targets" ? signed.document : undefined
}
