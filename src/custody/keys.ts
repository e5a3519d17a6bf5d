import type { Algorithm, AttestationVerdict, SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, KeyRecord, PinPolicy, Purpose, TokenHome } from "../journal/index.ts"
import type { CardOptions, KeyState } from "../keys/index.ts"
import { authorize, denial, isAllowed, mayInRole, type Place, type Principal } from "../policy/index.ts"
import type { Gun, RoleName } from "../tuf/index.ts"
import { bindingTurn, isBound, isMadeBy, isOwn, makerOf, maySeeKey, placesOf, requireTaking, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type KeyView = {
    readonly record: KeyRecord
    readonly state: KeyState
    /** Made, imported or enrolled by the user who asks. */
    readonly mine: boolean
    /** Of what is kept with a YubiKey's key; not in lists. */
    readonly attestation?: AttestationVerdict
}
export type KeySubject = { readonly keyId: string } | { readonly group: string }

export type CreateKeyRequest = {
    readonly algorithm: Algorithm
    readonly purpose: Purpose
    readonly label: string
    readonly home:
        | { readonly kind: "passphrase"; readonly sealed: SealedSecret }
        | { readonly kind: "group"; readonly group: string }
        | { readonly kind: "token"; readonly token: string; readonly card?: CardOptions }
    readonly bindings: readonly Binding[]
    /** A root key although its slot does not ask for the PIN each time. */
    readonly acceptPinOnce?: boolean
}

export async function createKey(rooms: Rooms, principal: Principal, request: CreateKeyRequest): Promise<KeyView> {
    const { algorithm, purpose, home, bindings } = request
    const subject: Subject = { detail: { algorithm, purpose, home: home.kind, ...placedOn(home), ...boundTo(bindings) } }
    return await recorded(rooms, principal, "create-key", subject, async () => {
        return await inNewKeysTurn(rooms, principal, "create-key", request, async (madeBy) => {
            requireFit(request.algorithm, request.purpose, request.bindings)
            requirePlacement(rooms, principal, request)
            const record = await rooms.keys.create({ ...request, madeBy, asker: principal })
            subject.keyId = record.id
            return attestedView(rooms, principal, record, subject)
        })
    })
}

export type ImportKeyRequest = {
    /** Unencrypted PKCS#8 DER, sealed for the signer of its home. */
    readonly pkcs8: SealedSecret
    readonly purpose: Purpose
    readonly label: string
    readonly home:
        | { readonly kind: "passphrase"; readonly sealed: SealedSecret }
        | { readonly kind: "group"; readonly group: string }
        | { readonly kind: "token"; readonly token: string; readonly card: CardOptions }
    readonly bindings: readonly Binding[]
    readonly acceptPinOnce?: boolean
}

/** Take in a private key from a file. What it is, only the signer sees; it is recorded as imported for ever. */
export async function importKey(rooms: Rooms, principal: Principal, request: ImportKeyRequest): Promise<KeyView> {
    const { purpose, bindings } = request
    const subject: Subject = { detail: { purpose, home: request.home.kind, ...placedOn(request.home), ...boundTo(bindings) } }
    return await recorded(rooms, principal, "import-key", subject, async () => {
        return await inNewKeysTurn(rooms, principal, "import-key", request, async (madeBy) => {
            requirePurpose(purpose, bindings)
            requirePlacement(rooms, principal, request)
            const checkAlgorithm = (algorithm: Algorithm): void => {
                subject.detail = { ...subject.detail, algorithm }
                requireFit(algorithm, purpose, bindings)
            }
            const record = await rooms.keys.importKey({ ...request, madeBy, asker: principal, checkAlgorithm })
            subject.keyId = record.id
            return attestedView(rooms, principal, record, subject)
        })
    })
}

/** Keys bound to nothing that somebody whose rules are limited may have at a time. */
const MOST_UNBOUND = 100

/**
 * A key is made for places the caller may make keys for; without any that needs a rule without limits. But a signer's key is made before
 * a repository lets it sign: one for delegations, labelled NAME, may be made by whoever may make one for the role targets/NAME of any
 * repository. No place stands for such keys, so there may be only so many.
 *
 * @throws denied, invalid_request
 */
async function inNewKeysTurn<T>(
    rooms: Rooms,
    principal: Principal,
    action: "create-key" | "import-key",
    { purpose, label, bindings }: Pick<CreateKeyRequest, "purpose" | "label" | "bindings">,
    make: (madeBy: string) => Promise<T>,
): Promise<T> {
    const policy = rooms.policy()
    const madeBy = makerOf(principal)
    const needsNoPlace = bindings.length === 0 && purpose === "delegation" && mayInRole(policy, principal, action, `targets/${label}`)
    if (!needsNoPlace || isAllowed(policy, principal, action, [])) {
        authorize(policy, principal, action, bindings)
        return await make(madeBy)
    }
    return await rooms.turns.take(`new keys of ${madeBy}`, async () => {
        let count = 0
        for (const key of rooms.keys.list()) if (key.removedAt === undefined && isOwn(principal, key)) count += 1
        if (count >= MOST_UNBOUND)
            throw new TrustkeyError("invalid_request", `you have ${count} keys that are bound nowhere; bind them, or have them removed`)
        return await make(madeBy)
    })
}

export type EnrollKeyRequest = {
    readonly token: string
    readonly uri: string
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly acceptPinOnce?: boolean
}

/** Take in a private key that is on a token already. */
export async function enrollKey(rooms: Rooms, principal: Principal, request: EnrollKeyRequest): Promise<KeyView> {
    const subject: Subject = { detail: { token: request.token, purpose: request.purpose, ...boundTo(request.bindings) } }
    return await recorded(rooms, principal, "enroll-key", subject, async () => {
        authorize(rooms.policy(), principal, "enroll-key", request.bindings)
        requirePurpose(request.purpose, request.bindings)
        const checkHome = ({ pinPolicy }: TokenHome, isYubikey: boolean): void => {
            if (isYubikey) requirePinAlways(request, pinPolicy)
        }
        const record = await rooms.keys.enroll({ ...request, madeBy: makerOf(principal), asker: principal, checkHome })
        subject.keyId = record.id
        return attestedView(rooms, principal, record, subject)
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
    return {
        keys: page.map((record) => viewOf(rooms, principal, record)),
        nextPageToken: wanted.length > page.length ? (page.at(-1)?.id ?? "") : "",
    }
}

function matches(bindings: readonly Binding[], { gun, role }: ListKeysRequest): boolean {
    if (gun === undefined && role === undefined) return true
    return bindings.some((binding) => (gun === undefined || binding.gun === gun) && (role === undefined || binding.role === role))
}

export function getKey(rooms: Rooms, principal: Principal, request: { readonly id: string }): KeyView {
    const record = rooms.keys.find(request.id)
    if (record === undefined || !maySeeKey(rooms, principal, record)) throw denial()
    return attestedView(rooms, principal, record, {})
}

export type BindKeyRequest = { readonly id: string; readonly add: readonly Binding[]; readonly remove: readonly Binding[] }

export async function bindKey(rooms: Rooms, principal: Principal, request: BindKeyRequest): Promise<KeyView> {
    const detail = { added: placesText(request.add), removed: placesText(request.remove) }
    const subject: Subject = { detail }
    return await recorded(rooms, principal, "bind", subject, async () => {
        const key = bindableKey(rooms, principal, request)
        subject.keyId = key.id
        return await rooms.turns.take(bindingTurn(key.id), async () => {
            // Once more: it may have been bound to other places meanwhile.
            bindableKey(rooms, principal, { ...request, id: key.id })
            requirePurpose(key.purpose, request.add)
            requireFewPlaces(principal, key, request.add)
            return viewOf(rooms, principal, await rooms.keys.bind(key.id, request.add, request.remove))
        })
    })
}

/** @throws denied */
function bindableKey(rooms: Rooms, principal: Principal, request: BindKeyRequest): KeyRecord {
    const { key } = usableKey(rooms, principal, "bind", request.id, ...request.add)
    requireTaking(rooms, principal, key)
    if (principal.socket === "admin") return key
    if (key.purpose !== "delegation")
        throw new TrustkeyError("denied", `where a ${key.purpose} key may sign is changed on the admin socket only`)
    // TK-POL-3: a place taken away no longer guards the key, and its signatures may count there still.
    const removed = request.remove.filter((place) => isBound(key, place))
    if (removed.length > 0) authorize(rooms.policy(), principal, "sign", removed)
    return key
}

/** Each place is asked at every use of the key, and a pattern allows any number of them. Administrators know what they do. */
const MOST_PLACES = 256

function requireFewPlaces(principal: Principal, key: KeyRecord, add: readonly Binding[]): void {
    if (principal.socket === "admin" || placesOf(key, ...add).length <= MOST_PLACES) return
    throw new TrustkeyError("invalid_request", `this key would be bound to more than ${MOST_PLACES} places`)
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
        requireTtl(rooms, request.ttlSeconds)
        return { until: await rooms.keys.unlock(target, request.sealed, request.ttlSeconds, request.uses) }
    })
}

/** @throws invalid_request */
export function requireTtl(rooms: Rooms, ttlSeconds: number): void {
    if (ttlSeconds > rooms.maxTtlSeconds)
        throw new TrustkeyError("invalid_request", `the time to live is longer than unlock.max_ttl, ${rooms.maxTtlSeconds} seconds`)
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
        return viewOf(rooms, principal, await rooms.keys.remove(key.id))
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

function viewOf(rooms: Rooms, principal: Principal, record: KeyRecord): KeyView {
    return { record, state: rooms.keys.state(record.id), mine: isMadeBy(principal, record) }
}

/** TK-KEY-3: what is kept with a key is judged again each time somebody looks. */
function attestedView(rooms: Rooms, principal: Principal, record: KeyRecord, subject: Subject): KeyView {
    const attestation = rooms.keys.judgeAttestation(record)
    if (record.home.kind === "token") subject.detail = { ...subject.detail, attestation: attestation?.verdict ?? "none" }
    return { ...viewOf(rooms, principal, record), ...(attestation === undefined ? {} : { attestation }) }
}

function placedOn(home: CreateKeyRequest["home"]): Record<string, string> {
    if (home.kind !== "token") return {}
    const { token, card } = home
    if (card === undefined) return { token }
    return { token, slot: card.slot, pinPolicy: card.pinPolicy, touchPolicy: card.touchPolicy }
}

/** @throws denied, key_unfit */
function requirePlacement(rooms: Rooms, principal: Principal, request: Pick<CreateKeyRequest, "purpose" | "home" | "acceptPinOnce">): void {
    if (request.home.kind !== "token" || request.home.card === undefined) return
    const { pin, pinPolicy } = request.home.card
    // It is a login like any other.
    if (pin !== undefined) authorize(rooms.policy(), principal, "login", [])
    requirePinAlways(request, pinPolicy)
}

/**
 * While somebody is logged in, a slot that wants the PIN once signs for everybody who reaches the card reader, this daemon or not.
 *
 * @throws key_unfit
 */
function requirePinAlways(
    { purpose, acceptPinOnce }: Pick<CreateKeyRequest, "purpose" | "acceptPinOnce">,
    pinPolicy: PinPolicy | undefined,
): void {
    if (purpose !== "root" || pinPolicy === "always" || acceptPinOnce === true) return
    const known =
        pinPolicy === undefined
            ? "the card can't say how often it asks for this key's PIN"
            : `this slot asks for the PIN ${ASKED[pinPolicy]}`
    throw new TrustkeyError(
        "key_unfit",
        `${known}: while somebody is logged in, whoever reaches the card reader can sign with it; a root key wants PIN policy "always", or --accept-pin-once`,
    )
}

const ASKED = { never: "never", once: "once, not for every signature", always: "for every signature" } as const satisfies Record<
    PinPolicy,
    string
>

/** Where a new key may sign from its first moment on: nobody asks for that with `bind`. */
function boundTo(bindings: readonly Binding[]): { readonly bound?: string } {
    return bindings.length === 0 ? {} : { bound: placesText(bindings) }
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
