import { TrustkeyError } from "../errors.ts"
import { checkMark, type Intent, type KeyRecord } from "../journal/index.ts"
import type { Permit, Principal } from "../policy/index.ts"
import {
    assembleFile,
    checkRootSuccession,
    encodeSnapshot,
    type Gun,
    type KeyId,
    type MetadataFile,
    parseFile,
    parseSigned,
    type RoleName,
    type Signature,
    type SignedMetadata,
    SNAPSHOT,
    snapshotMeta,
    verifyThreshold,
} from "../tuf/index.ts"
import { authoritiesFor, checkBody, checkExpiry, currentFiles, roleKeyOf, type Surroundings } from "./check.ts"
import { present, type RawFile } from "./observe.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { makeSignature, parseBody, requireBinding, requireReady, surroundings } from "./sign.ts"

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
        checkShape(request)
        // Everyone's permission before anyone's bytes.
        const uses = request.bodies.map((body) =>
            body.keyIds.map((keyId) => usableKey(rooms, principal, "sign", keyId, { gun: request.gun, role: body.role })),
        )
        const snapshotUses = (request.snapshot?.keyIds ?? []).map((keyId) =>
            usableKey(rooms, principal, "sign", keyId, { gun: request.gun, role: SNAPSHOT }),
        )
        const sign = (): Promise<readonly RawFile[]> => signChecked(rooms, principal, request, { uses, snapshotUses, subject })
        // Two sets built on the same documents would both succeed, and the later would silently undo the earlier.
        return await rooms.turns.take(request.gun, sign)
    })
}

type Granted = { readonly uses: readonly (readonly Use[])[]; readonly snapshotUses: readonly Use[]; readonly subject: Subject }

async function signChecked(rooms: Rooms, principal: Principal, request: SignSetRequest, granted: Granted): Promise<readonly RawFile[]> {
    const { uses, snapshotUses, subject } = granted
    if (request.published.length > 0) await present(rooms, request.gun, request.published)
    for (const { key } of [...uses.flat(), ...snapshotUses]) requireReady(rooms, key)
    const bodies = request.bodies.map((body) => parseBody(rooms, request.gun, body.signed, body.role))
    const around = surroundings(rooms, principal, request.gun, bodies)
    const checked = request.bodies.map((body, index) => checkOne(around, bodies[index], uses[index] ?? [], body))
    subject.detail = Object.fromEntries(checked.map(({ body }) => [body.role, body.document.version]))
    checkSnapshotRequest(around, request)
    const files = await signAll(rooms, around, checked)
    const snapshot = request.snapshot === undefined ? [] : [await signSnapshot(rooms, around, files, request.snapshot, snapshotUses)]
    await rooms.journal.release(request.gun, [...files, ...snapshot])
    return [...files, ...snapshot].map(({ role, content }) => ({ role, content }))
}

function checkShape(request: SignSetRequest): void {
    const roles = request.bodies.map((body) => body.role)
    if (roles.length === 0) throw new TrustkeyError("invalid_request", "the set is empty")
    if (new Set(roles).size !== roles.length) throw new TrustkeyError("invalid_request", "a role stands in the set twice")
    if (roles.some((role) => role === "snapshot" || role === "timestamp")) {
        throw new TrustkeyError("invalid_request", "a set has bodies of root, targets and delegations; the daemon builds the snapshot")
    }
    if (!request.bodies.some((body) => body.keyIds.length > 0)) throw new TrustkeyError("invalid_request", "the set names none of our keys")
}

function checkOne(around: Surroundings, body: SignedMetadata | undefined, uses: readonly Use[], request: SetBody): CheckedBody {
    if (body === undefined) throw new TrustkeyError("internal", "a body was lost")
    checkBase(around, body, request.base)
    checkBody(around, body)
    // Before anything is promised: half a set would burn its versions.
    checkMark(body.role, around.repository?.marks.get(body.role), { version: body.document.version, sha256: body.sha256, expires: "" })
    const authorities = authoritiesFor(around, body)
    return {
        body,
        others: request.signatures,
        uses: uses.map((use) => {
            requireBinding(use.key.bindings, around.gun, body.role)
            return { use, keyId: roleKeyOf(authorities, use.key, body.role) }
        }),
    }
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
function checkSnapshotRequest(around: Surroundings, request: SignSetRequest): void {
    if (request.snapshot === undefined) return
    const mark = around.repository?.marks.get(SNAPSHOT)
    if (mark !== undefined && request.snapshot.version < mark.version) {
        throw new TrustkeyError("rollback_refused", `snapshot version ${request.snapshot.version} is older than ${mark.version}`)
    }
    checkExpiry(around, SNAPSHOT, request.snapshot.expires)
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
            const sig = await rooms.journal.signed(intent, await makeSignature(rooms, intent))
            return { keyId, method: intent.scheme, sig }
        }),
    )
    const ourIds = new Set(ours.map((signature) => signature.keyId))
    const signatures = [...ours, ...others.filter((signature) => !ourIds.has(signature.keyId))]
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
    const authorities = authoritiesFor(around, body)
    const checked = {
        body,
        others: [],
        uses: uses.map((use) => {
            requireBinding(use.key.bindings, around.gun, SNAPSHOT)
            return { use, keyId: roleKeyOf(authorities, use.key, SNAPSHOT) }
        }),
    }
    return await complete(rooms, around, await promise(rooms, around, checked))
}
