import { TrustkeyError } from "../errors.ts"
import type { KeyRecord, PromisedRoot } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import {
    differenceCode,
    diffMetadata,
    encodeRoot,
    type Gun,
    type KeyId,
    type MetadataFile,
    nextRoot,
    parseSigned,
    ROOT,
    type RootChange,
    type RootDocument,
    readableKeyId,
    rootOf,
    type Signature,
    type SignedMetadata,
} from "../tuf/index.ts"
import { checkBody } from "./check.ts"
import { present, type RawFile } from "./observe.ts"
import { isBound, maySeeKey, requireSeeing } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { surroundings } from "./sign.ts"

export type PlanRootRequest = {
    readonly gun: Gun
    /** What the server serves now; none: the plan is built on what is known. */
    readonly published: readonly RawFile[]
    /** Absent: only what was begun is told. */
    readonly change?: RootChange
}

/** A key whose signature counts for the root before, for the new one, or for both. */
export type RootSigner = {
    readonly tufKeyId: KeyId
    /** Undefined for what can't be read: it counts for nothing. */
    readonly keyId: KeyId | undefined
    readonly old: boolean
    readonly next: boolean
    /** Here, bound, and the caller's to see. */
    readonly ours: boolean
}

export type RootPlan = {
    readonly body: SignedMetadata
    /** Of the root before it: what SignSet takes as base. */
    readonly base: string
    /** What it changes, for a person. */
    readonly difference: readonly string[]
    /** 32 bytes: the same on every machine that looks at this change. */
    readonly code: Uint8Array
    readonly oldThreshold: number
    readonly nextThreshold: number
    readonly signers: readonly RootSigner[]
    /** Made by our keys already. */
    readonly signatures: readonly Signature[]
}

export type PlannedRoot = {
    readonly plan: RootPlan | undefined
    /** A root of this version that was begun before: nothing else can be signed until it is complete or void. */
    readonly begun: { readonly version: number; readonly plan: RootPlan | undefined } | undefined
}

/**
 * The root that would follow on the newest complete one, with everything that would be said against it when it is signed. Nothing is
 * promised.
 *
 * @throws repository_unknown, root_rejected, and what checkBody throws
 */
export async function planRoot(rooms: Rooms, principal: Principal, request: PlanRootRequest): Promise<PlannedRoot> {
    const { gun, published, change } = request
    if (published.length === 0) {
        requireSeeing(rooms, principal, gun)
        return await build(rooms, principal, gun, change)
    }
    const subject: Subject = { gun, role: ROOT }
    return await recorded(rooms, principal, "observe", subject, async () => {
        requireSeeing(rooms, principal, gun)
        await present(rooms, gun, published)
        const planned = await build(rooms, principal, gun, change)
        if (planned.plan !== undefined) subject.detail = { planned: planned.plan.body.document.version }
        return planned
    })
}

async function build(rooms: Rooms, principal: Principal, gun: Gun, change: RootChange | undefined): Promise<PlannedRoot> {
    const previous = newestRoot(rooms, gun)
    const promised = await rooms.journal.promisedRoot(gun)
    const planFor = (body: SignedMetadata): RootPlan => planOf(rooms, principal, gun, previous, body, promised)
    const { version, body: begun } = promised ?? {}
    return {
        plan: change === undefined ? undefined : planFor(checkedBody(rooms, principal, gun, previous, change)),
        begun: version === undefined ? undefined : { version, plan: begun === undefined ? undefined : planFor(begun) },
    }
}

function checkedBody(rooms: Rooms, principal: Principal, gun: Gun, previous: MetadataFile, change: RootChange): SignedMetadata {
    const body = parseSigned(encodeRoot(nextRoot(rootOf(previous.signed), change)), ROOT)
    checkBody(surroundings(rooms, principal, gun, [body]), body)
    return body
}

/** @throws repository_unknown */
function newestRoot(rooms: Rooms, gun: Gun): MetadataFile {
    const repository = rooms.journal.repository(gun)
    if (repository?.state === "active" && repository.root !== undefined) return repository.root
    throw new TrustkeyError("repository_unknown", `${gun} has no complete root here: take it in with trust adopt, or finish trust init`)
}

function planOf(
    rooms: Rooms,
    principal: Principal,
    gun: Gun,
    previous: MetadataFile,
    body: SignedMetadata,
    promised: PromisedRoot | undefined,
): RootPlan {
    const [before, next] = [rootOf(previous.signed), rootOf(body)]
    const difference = diffMetadata(previous.signed, body)
    const signers = signersOf(rooms, principal, gun, before, next)
    return {
        body,
        base: previous.signed.sha256,
        difference,
        code: differenceCode(gun, body, difference),
        oldThreshold: before.roles.get("root")?.threshold ?? 1,
        nextThreshold: next.roles.get("root")?.threshold ?? 1,
        signers,
        signatures: promised?.body?.sha256 === body.sha256 ? signaturesOf(signers, promised) : [],
    }
}

function signersOf(rooms: Rooms, principal: Principal, gun: Gun, before: RootDocument, next: RootDocument): readonly RootSigner[] {
    const [old, now] = [new Set(before.roles.get("root")?.keyIds), new Set(next.roles.get("root")?.keyIds)]
    return [...old.union(now)].map((tufKeyId) => {
        const key = next.keys.get(tufKeyId) ?? before.keys.get(tufKeyId)
        const keyId = key === undefined ? undefined : readableKeyId(key)
        const record = keyId === undefined ? undefined : rooms.keys.find(keyId)
        return { tufKeyId, keyId, old: old.has(tufKeyId), next: now.has(tufKeyId), ours: isOurs(rooms, principal, gun, record) }
    })
}

/** TK-POL-1: a key the caller may not see is not here. */
function isOurs(rooms: Rooms, principal: Principal, gun: Gun, record: KeyRecord | undefined): boolean {
    return (
        record !== undefined &&
        record.removedAt === undefined &&
        isBound(record, { gun, role: ROOT }) &&
        maySeeKey(rooms, principal, record)
    )
}

function signaturesOf(signers: readonly RootSigner[], { signatures }: PromisedRoot): readonly Signature[] {
    return signatures.flatMap(({ keyId, method, sig }) => {
        // A key with another certificate than before has an ID in each of the two roots.
        return signers.filter((signer) => signer.keyId === keyId && signer.ours).map(({ tufKeyId }) => ({ keyId: tufKeyId, method, sig }))
    })
}
