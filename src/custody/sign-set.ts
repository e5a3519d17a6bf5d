import { TrustkeyError } from "../errors.ts"
import { checkMark, type Intent, type KeyRecord } from "../journal/index.ts"
import { authorize, isAllowed, type Permit, type Principal } from "../policy/index.ts"
import {
    assembleFile,
    checkRootSuccession,
    encodeSnapshot,
    type Gun,
    type KeyId,
    type MetadataFile,
    parseFile,
    parseSigned,
    ROOT,
    type RoleName,
    type Signature,
    type SignedMetadata,
    SNAPSHOT,
    snapshotMeta,
    TARGETS,
    verifySignature,
    verifyThreshold,
} from "../tuf/index.ts"
import {
    type Authority,
    authoritiesFor,
    baseAuthority,
    checkBody,
    checkExpiry,
    currentFiles,
    roleKeyOf,
    type Surroundings,
} from "./check.ts"
import { underEveryId } from "./every-id.ts"
import { present, type RawFile } from "./observe.ts"
import { requireBinding, requireSeeing, signingKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { makeSignature, parseBody, requireReady, surroundings } from "./sign.ts"
import { occasionOf } from "./touch.ts"

export type SetBody = {
    readonly role: RoleName
    readonly signed: Uint8Array
    readonly keyIds: readonly string[]
    /** Made by other holders. */
    readonly signatures: readonly Signature[]
    /** Hex SHA-256 of the canonical document it was built from. Said: the set is refused when a newer one is known. */
    readonly base?: string
}

export type SignSetRequest = {
    readonly gun: Gun
    /** What the server serves now. */
    readonly published: readonly RawFile[]
    readonly bodies: readonly SetBody[]
    /** Absent when the server holds the snapshot key. */
    readonly snapshot?: { readonly version: number; readonly expires: Date; readonly keyIds: readonly string[] }
}

type Use = { readonly key: KeyRecord; readonly permit: Permit<"sign"> }
type CheckedBody = {
    readonly body: SignedMetadata
    readonly uses: readonly { readonly use: Use; readonly keyId: KeyId }[]
    readonly others: readonly Signature[]
}

type PromisedBody = {
    readonly body: SignedMetadata
    readonly intents: readonly { readonly intent: Intent; readonly keyId: KeyId }[]
    readonly others: readonly Signature[]
}

/**
 * All metadata of one publication, in two commits: root, targets and delegations first; then, with their files complete, the
 * snapshot that names them. Nothing is released until every file meets its thresholds; the same request again takes up where
 * the last one ended.
 */
export async function signSet(rooms: Rooms, principal: Principal, request: SignSetRequest): Promise<readonly RawFile[]> {
    const subject: Subject = { gun: request.gun }
    return await recorded(rooms, principal, "sign", subject, async () => {
        // Everyone's permission before anyone's bytes, and before anything that leaves a record for each request.
        const { uses } = grant(rooms, principal, request)
        if (uses.flat().length === 0) requireSeeing(rooms, principal, request.gun)
        checkShape(request)
        requireForeignPermissions(rooms, principal, request)
        // Two sets built on the same documents would both succeed, and the later would silently undo the earlier.
        return await rooms.turns.take(request.gun, () => signChecked(rooms, principal, request, subject))
    })
}

/** What others alone have signed moves its mark like ours, whatever else is in the set: that is for those who may sign it; a root, or rotate. */
function requireForeignPermissions(rooms: Rooms, principal: Principal, { gun, bodies }: SignSetRequest): void {
    for (const { role, keyIds } of bodies) {
        if (keyIds.length > 0 || (role === ROOT && isAllowed(rooms.policy(), principal, "rotate", [{ gun, role }]))) continue
        authorize(rooms.policy(), principal, "sign", [{ gun, role }])
    }
}

function grant(rooms: Rooms, principal: Principal, { gun, bodies, snapshot }: SignSetRequest): Granted {
    const usesFor = (role: RoleName, keyIds: readonly string[]): readonly Use[] =>
        keyIds.map((keyId) => signingKey(rooms, principal, keyId, { gun, role }))
    return { uses: bodies.map((body) => usesFor(body.role, body.keyIds)), snapshotUses: usesFor(SNAPSHOT, snapshot?.keyIds ?? []) }
}

type Granted = { readonly uses: readonly (readonly Use[])[]; readonly snapshotUses: readonly Use[] }

async function signChecked(rooms: Rooms, principal: Principal, request: SignSetRequest, subject: Subject): Promise<readonly RawFile[]> {
    if (request.published.length > 0) await present(rooms, request.gun, request.published)
    // Once more: while this set waited for its turn, a key may have been unbound or a permission withdrawn.
    const { uses, snapshotUses } = grant(rooms, principal, request)
    for (const { key } of [...uses.flat(), ...snapshotUses]) requireReady(rooms, key)
    const bodies = request.bodies.map((body) => parseBody(rooms, request.gun, body.signed, body.role))
    subject.detail = versionsOf(bodies, request)
    const around = surroundings(rooms, principal, request.gun, bodies)
    const checked = request.bodies.map((body, index) => checkOne(around, bodies[index], uses[index] ?? [], body))
    checkTargetsStay(around)
    checkSnapshotRequest(around, request, snapshotUses)
    const files = await signAll(rooms, around, checked)
    const snapshot = request.snapshot === undefined ? [] : [await signSnapshot(rooms, around, files, request.snapshot, snapshotUses)]
    await rooms.journal.release(request.gun, [...files, ...snapshot])
    return [...files, ...snapshot].map(({ role, content }) => ({ role, content }))
}

function versionsOf(bodies: readonly SignedMetadata[], { snapshot }: SignSetRequest): Record<string, number> {
    const versions = bodies.map((body) => [body.role, body.document.version] as const)
    return Object.fromEntries([...versions, ...(snapshot === undefined ? [] : [[SNAPSHOT, snapshot.version] as const])])
}

function checkShape(request: SignSetRequest): void {
    const roles = request.bodies.map((body) => body.role)
    if (roles.length === 0) throw new TrustkeyError("invalid_request", "the set is empty")
    if (new Set(roles).size !== roles.length) throw new TrustkeyError("invalid_request", "a role stands in the set twice")
    if (roles.some((role) => role === "snapshot" || role === "timestamp")) {
        throw new TrustkeyError("invalid_request", "a set has bodies of root, targets and delegations; the daemon builds the snapshot")
    }
    // A root is complete when its holders have signed it, wherever they are; whatever else is signed elsewhere is published there.
    const byOthers = request.bodies.some(({ role, signatures }) => role === "root" && signatures.length > 0)
    if (!byOthers && !request.bodies.some((body) => body.keyIds.length > 0))
        throw new TrustkeyError("invalid_request", "the set names none of our keys")
    for (const { keyIds } of [...request.bodies, ...(request.snapshot === undefined ? [] : [request.snapshot])]) {
        if (new Set(keyIds).size !== keyIds.length) throw new TrustkeyError("invalid_request", "a key is named twice for one role")
    }
}

function checkOne(around: Surroundings, body: SignedMetadata | undefined, uses: readonly Use[], request: SetBody): CheckedBody {
    if (body === undefined) throw new TrustkeyError("internal", "a body was lost")
    checkBase(around, body, request.base)
    checkBody(around, body)
    // Before anything is promised: half a set would burn its versions.
    checkMark(body.role, around.repository?.marks.get(body.role), { version: body.document.version, sha256: body.sha256, expires: "" })
    // A file that can't be written is noticed now, and not when its version is spent.
    if (request.signatures.length > 0) assembleFile(body, request.signatures)
    const authorities = authoritiesFor(around, body)
    const named = rolesKeys(around, uses, authorities, body.role)
    const others = request.signatures.filter((signature) => authorities.some((authority) => counts(authority, body, signature)))
    requireEnough(body.role, body.document.version, authorities, underEveryId(authorities, [...named, ...others]))
    return { body, others, uses: named }
}

function counts({ keys, keyIds }: Authority, body: SignedMetadata, signature: Signature): boolean {
    const key = keyIds.includes(signature.keyId) ? keys.get(signature.keyId) : undefined
    return key !== undefined && verifySignature(key, body.bytes, signature)
}

/**
 * Who has not signed and is not about to is missing now, before anything is promised. And what nobody signed speaks for nobody: the
 * other bodies of a set are judged by its root and its targets.
 */
function requireEnough(
    role: RoleName,
    version: number,
    authorities: readonly Authority[],
    signers: readonly { readonly keyId: KeyId }[],
): void {
    for (const { keyIds, threshold } of authorities) {
        const count = new Set(signers.map(({ keyId }) => keyId).filter((keyId) => keyIds.includes(keyId))).size
        if (count >= threshold) continue
        throw new TrustkeyError(
            "set_incomplete",
            `${role} version ${version} still lacks signatures: ${count} of the ${threshold} that are needed`,
        )
    }
}

/**
 * Targets that stay as they are have to be signed by those whom root trusts now: the root of the set may trust others, and a voided
 * one may have left its targets behind. Without them there is nothing to read.
 */
function checkTargetsStay(around: Surroundings): void {
    const targets = around.repository?.documents.get(TARGETS)
    if (!around.bodies.has(TARGETS) && targets !== undefined) requireComplete(around, targets)
}

/** Whoever built on an older document would drop what came since, published or waiting in the outbox. */
function checkBase(around: Surroundings, body: SignedMetadata, base: string | undefined): void {
    const { repository } = around
    const newest = body.role === "root" ? repository?.root : repository?.documents.get(body.role)
    if (base === undefined || newest === undefined) return
    // The newest is this very body: a retry.
    if (newest.signed.sha256 === base || newest.signed.sha256 === body.sha256) return
    throw new TrustkeyError("rollback_refused", `${body.role} has moved on to version ${newest.signed.document.version}; build on that`)
}

/** Before anything is promised: a snapshot that could not be signed afterwards would leave the set half done. */
function checkSnapshotRequest(around: Surroundings, request: SignSetRequest, uses: readonly Use[]): void {
    if (request.snapshot === undefined) return
    const mark = around.repository?.marks.get(SNAPSHOT)
    if (mark !== undefined && request.snapshot.version < mark.version) {
        throw new TrustkeyError("rollback_refused", `snapshot version ${request.snapshot.version} is older than ${mark.version}`)
    }
    checkExpiry(around, SNAPSHOT, request.snapshot.expires)
    const authorities = [baseAuthority(around, "snapshot")]
    requireEnough(SNAPSHOT, request.snapshot.version, authorities, rolesKeys(around, uses, authorities, SNAPSHOT))
    const known = [...around.bodies.keys(), ...currentFiles(around.repository).map((file) => file.role)]
    for (const role of [ROOT, TARGETS]) {
        if (!known.includes(role)) throw new TrustkeyError("invalid_request", `a snapshot needs ${role}, which is not in the set`)
    }
}

/** Each key with the ID it has in the role. @throws key_unfit, metadata_rejected */
function rolesKeys(around: Surroundings, uses: readonly Use[], authorities: readonly Authority[], role: RoleName): CheckedBody["uses"] {
    return uses.map((use) => {
        requireBinding(use.key, { gun: around.gun, role })
        return { use, keyId: roleKeyOf(authorities, use.key, role) }
    })
}

async function signAll(rooms: Rooms, around: Surroundings, bodies: readonly CheckedBody[]): Promise<readonly MetadataFile[]> {
    // Root first: its version 1 begins the lineage that the others belong to.
    const ordered = [...bodies].sort((a, b) => Number(b.body.role === "root") - Number(a.body.role === "root"))
    // All promises of the set are on disk before the first key is touched.
    const promised = await Promise.all(ordered.map((checked) => promise(rooms, around, checked)))
    const files: MetadataFile[] = []
    for (const each of promised) files.push(await complete(rooms, around, each))
    return files
}

async function promise(rooms: Rooms, around: Surroundings, checked: CheckedBody): Promise<PromisedBody> {
    if (checked.uses.length === 0) await rooms.journal.commitForeign(around.gun, checked.body)
    const intents = await Promise.all(
        checked.uses.map(async ({ use, keyId }) => ({
            keyId,
            intent: await rooms.journal.commitMetadata(use.permit, use.key, around.gun, checked.body),
        })),
    )
    return { body: checked.body, others: checked.others, intents }
}

async function complete(rooms: Rooms, around: Surroundings, { body, intents, others }: PromisedBody): Promise<MetadataFile> {
    const ours = await Promise.all(
        intents.map(async ({ intent, keyId }) => {
            const sig = await rooms.journal.signed(
                intent,
                await makeSignature(rooms, intent, occasionOf(rooms, around.principal, around.gun, body)),
            )
            return { keyId, method: intent.scheme, sig }
        }),
    )
    const ourIds = new Set(ours.map((signature) => signature.keyId))
    const made = [...ours, ...others.filter((signature) => !ourIds.has(signature.keyId))]
    const signatures = [...underEveryId(authoritiesFor(around, body), made)]
    // One order, so that a retry gives the same file.
    signatures.sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
    const file = parseFile(assembleFile(body, signatures), body.role)
    requireComplete(around, file)
    return file
}

/** Old and new threshold for a root (TUF 5.3.4), the role's own for everything else. */
function requireComplete(around: Surroundings, file: MetadataFile): void {
    try {
        if (file.signed.document.type === "root") {
            const previous = around.repository?.roots.findLast((root) => root.signed.document.version < file.signed.document.version)
            if (previous !== undefined) {
                checkRootSuccession(previous, file)
                return
            }
        }
        for (const { keys, keyIds, threshold } of authoritiesFor(around, file.signed))
            verifyThreshold(file.signed, file.signatures, keys, { keyIds, threshold })
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "verification_failed") throw error
        throw new TrustkeyError(
            "set_incomplete",
            `${file.role} version ${file.signed.document.version} still lacks signatures: ${error.message}`,
            { cause: error },
        )
    }
}

async function signSnapshot(
    rooms: Rooms,
    around: Surroundings,
    files: readonly MetadataFile[],
    wanted: NonNullable<SignSetRequest["snapshot"]>,
    uses: readonly Use[],
): Promise<MetadataFile> {
    const fresh = new Set<string>(files.map((file) => file.role))
    const named = [...files, ...currentFiles(around.repository).filter((file) => !fresh.has(file.role))]
    const document = { type: "snapshot" as const, version: wanted.version, expires: wanted.expires, meta: snapshotMeta(named) }
    const body = parseSigned(encodeSnapshot(document), SNAPSHOT, { requireCanonical: true })
    const checked = { body, others: [], uses: rolesKeys(around, uses, authoritiesFor(around, body), SNAPSHOT) }
    return await complete(rooms, around, await promise(rooms, around, checked))
}
