import type { Algorithm, SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, KeyRecord, Purpose } from "../journal/index.ts"
import type { KeyState } from "../keys/index.ts"
import { authorize, denial, type Place, type Principal } from "../policy/index.ts"
import type { Gun, RoleName } from "../tuf/index.ts"
import { maySeeKey, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type KeyView = { readonly record: KeyRecord; readonly state: KeyState }
export type KeySubject = { readonly keyId: string } | { readonly group: string }

export type CreateKeyRequest = {
    readonly algorithm: Algorithm
    readonly purpose: Purpose
    readonly label: string
    readonly home:
        | { readonly kind: "passphrase"; readonly sealed: SealedSecret }
        | { readonly kind: "group"; readonly group: string }
        | { readonly kind: "token"; readonly token: string }
    readonly bindings: readonly Binding[]
}

export async function createKey(rooms: Rooms, principal: Principal, request: CreateKeyRequest): Promise<KeyView> {
    const subject: Subject = { detail: { algorithm: request.algorithm, purpose: request.purpose, home: request.home.kind } }
    return await recorded(rooms, principal, "create-key", subject, async () => {
        authorize(rooms.policy(), principal, "create-key", request.bindings)
        requireFit(request.algorithm, request.purpose, request.bindings)
        const record = await rooms.keys.create(request)
        subject.keyId = record.id
        return viewOf(rooms, record)
    })
}

export type ImportKeyRequest = {
    /** Unencrypted PKCS#8 DER, sealed for the file signer. */
    readonly pkcs8: SealedSecret
    readonly purpose: Purpose
    readonly label: string
    readonly home: { readonly kind: "passphrase"; readonly sealed: SealedSecret } | { readonly kind: "group"; readonly group: string }
    readonly bindings: readonly Binding[]
}

/** Take in a private key from a file. What it is, only the signer sees; it is recorded as imported for ever. */
export async function importKey(rooms: Rooms, principal: Principal, request: ImportKeyRequest): Promise<KeyView> {
    const { purpose, bindings } = request
    const subject: Subject = { detail: { purpose, home: request.home.kind } }
    return await recorded(rooms, principal, "import-key", subject, async () => {
        authorize(rooms.policy(), principal, "import-key", bindings)
        requirePurpose(purpose, bindings)
        const checkAlgorithm = (algorithm: Algorithm): void => {
            subject.detail = { ...subject.detail, algorithm }
            requireFit(algorithm, purpose, bindings)
        }
        const record = await rooms.keys.importKey({ ...request, checkAlgorithm })
        subject.keyId = record.id
        return viewOf(rooms, record)
    })
}

export type EnrollKeyRequest = {
    readonly token: string
    readonly uri: string
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
}

/** Take in a private key that is on a token already. */
export async function enrollKey(rooms: Rooms, principal: Principal, request: EnrollKeyRequest): Promise<KeyView> {
    const subject: Subject = { detail: { token: request.token, purpose: request.purpose } }
    return await recorded(rooms, principal, "enroll-key", subject, async () => {
        authorize(rooms.policy(), principal, "enroll-key", request.bindings)
        requirePurpose(request.purpose, request.bindings)
        const record = await rooms.keys.enroll(request)
        subject.keyId = record.id
        return viewOf(rooms, record)
    })
}

export type ListKeysRequest = {
    readonly gun?: Gun
    readonly role?: RoleName
    readonly includeRemoved: boolean
    readonly pageSize: number
    readonly pageToken: string
}

/** In the order of their IDs; the token is the last ID of the page before. */
export function listKeys(
    rooms: Rooms,
    principal: Principal,
    request: ListKeysRequest,
): { readonly keys: readonly KeyView[]; readonly nextPageToken: string } {
    const wanted: KeyRecord[] = []
    for (const record of rooms.keys.list()) {
        if (record.id <= request.pageToken) continue
        if (record.removedAt !== undefined && !request.includeRemoved) continue
        if (!matches(record.bindings, request)) continue
        if (maySeeKey(rooms, principal, record)) wanted.push(record)
    }
    wanted.sort((a, b) => (a.id < b.id ? -1 : 1))
    const page = wanted.slice(0, request.pageSize)
    return { keys: page.map((record) => viewOf(rooms, record)), nextPageToken: wanted.length > page.length ? (page.at(-1)?.id ?? "") : "" }
}

function matches(bindings: readonly Binding[], { gun, role }: ListKeysRequest): boolean {
    if (gun === undefined && role === undefined) return true
    return bindings.some((binding) => (gun === undefined || binding.gun === gun) && (role === undefined || binding.role === role))
}

export function getKey(rooms: Rooms, principal: Principal, request: { readonly id: string }): KeyView {
    const record = rooms.keys.find(request.id)
    if (record === undefined || !maySeeKey(rooms, principal, record)) throw denial()
    return viewOf(rooms, record)
}

export type BindKeyRequest = { readonly id: string; readonly add: readonly Binding[]; readonly remove: readonly Binding[] }

export async function bindKey(rooms: Rooms, principal: Principal, request: BindKeyRequest): Promise<KeyView> {
    const detail = { added: placesText(request.add), removed: placesText(request.remove) }
    const subject: Subject = { detail }
    return await recorded(rooms, principal, "bind", subject, async () => {
        const { key } = usableKey(rooms, principal, "bind", request.id, ...request.add)
        subject.keyId = key.id
        requirePurpose(key.purpose, request.add)
        return viewOf(rooms, await rooms.keys.bind(key.id, request.add, request.remove))
    })
}

export type UnlockRequest = {
    readonly subject: KeySubject
    readonly sealed?: SealedSecret
    readonly ttlSeconds: number
    readonly uses: number
}

export async function unlock(rooms: Rooms, principal: Principal, request: UnlockRequest): Promise<{ readonly until: Date | undefined }> {
    const subject: Subject = { detail: { ttlSeconds: request.ttlSeconds, uses: request.uses } }
    return await recorded(rooms, principal, "unlock", subject, async () => {
        const target = resolve(rooms, principal, "unlock", request.subject, subject)
        if (request.ttlSeconds > rooms.maxTtlSeconds)
            throw new TrustkeyError("invalid_request", `the time to live is longer than unlock.max_ttl, ${rooms.maxTtlSeconds} seconds`)
        return { until: await rooms.keys.unlock(target, request.sealed, request.ttlSeconds, request.uses) }
    })
}

export async function lock(rooms: Rooms, principal: Principal, request: { readonly subject: KeySubject | "all" }): Promise<void> {
    const subject: Subject = {}
    await recorded(rooms, principal, "lock", subject, async () => {
        if (request.subject === "all") {
            authorize(rooms.policy(), principal, "lock", [])
            subject.detail = { all: true }
            await rooms.keys.lock("all")
            return
        }
        await rooms.keys.lock(resolve(rooms, principal, "lock", request.subject, subject))
    })
}

export type ChangePassphraseRequest = { readonly subject: KeySubject; readonly oldSealed: SealedSecret; readonly newSealed: SealedSecret }

export async function changePassphrase(rooms: Rooms, principal: Principal, request: ChangePassphraseRequest): Promise<void> {
    const subject: Subject = {}
    await recorded(rooms, principal, "passphrase", subject, async () => {
        const target = resolve(rooms, principal, "passphrase", request.subject, subject)
        await rooms.keys.changePassphrase(target, request.oldSealed, request.newSealed)
    })
}

/** What is left is a tombstone: the ID is never used again. @throws confirmation_required */
export async function removeKey(
    rooms: Rooms,
    principal: Principal,
    request: { readonly id: string; readonly confirm: string },
): Promise<KeyView> {
    const subject: Subject = {}
    return await recorded(rooms, principal, "remove-key", subject, async () => {
        const { key } = usableKey(rooms, principal, "remove-key", request.id)
        subject.keyId = key.id
        if (request.confirm !== key.id.slice(0, 8))
            throw new TrustkeyError("confirmation_required", `type the first 8 digits of the key ID to confirm: ${key.id}`)
        return viewOf(rooms, await rooms.keys.remove(key.id))
    })
}

/** A group stands for no repository: what opens it needs a rule without limits. Its keys still need a permission each. */
function resolve(
    rooms: Rooms,
    principal: Principal,
    action: "unlock" | "lock" | "passphrase",
    wanted: KeySubject,
    subject: Subject,
): KeySubject {
    if ("group" in wanted) {
        subject.detail = { ...subject.detail, group: wanted.group }
        authorize(rooms.policy(), principal, action, [])
        return wanted
    }
    const { key } = usableKey(rooms, principal, action, wanted.keyId)
    subject.keyId = key.id
    return { keyId: key.id }
}

function viewOf(rooms: Rooms, record: KeyRecord): KeyView {
    return { record, state: rooms.keys.state(record.id) }
}

function placesText(places: readonly Place[]): string {
    return places.map(({ gun, role }) => `${gun} ${role}`).join(", ")
}

/** @throws key_unfit */
function requireFit(algorithm: Algorithm, purpose: Purpose, bindings: readonly Binding[]): void {
    // A Notary root key is known by its certificate, and its clients can make or read none for Ed25519.
    if (purpose === "root" && algorithm === "ed25519")
        throw new TrustkeyError(
            "key_unfit",
            "Notary needs a certificate for a root key, and can't use one with Ed25519; take p256, p384 or RSA",
        )
    requirePurpose(purpose, bindings)
}

const ROLE_OF_PURPOSE = {
    root: (role: string) => role === "root",
    targets: (role: string) => role === "targets",
    snapshot: (role: string) => role === "snapshot",
    delegation: (role: string) => role.startsWith("targets/"),
} satisfies Record<Purpose, (role: string) => boolean>

function requirePurpose(purpose: Purpose, bindings: readonly Binding[]): void {
    const wrong = bindings.find(({ role }) => !ROLE_OF_PURPOSE[purpose](role))
    if (wrong !== undefined) throw new TrustkeyError("key_unfit", `a ${purpose} key can't be bound to ${wrong.role}`)
}
