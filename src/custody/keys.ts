import type { AttestationVerdict } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, KeyRecord, Purpose } from "../journal/index.ts"
import type { KeyState } from "../keys/index.ts"
import { authorize, denial, type Place, type Principal } from "../policy/index.ts"
import type { Gun, RoleName } from "../tuf/index.ts"
import { type NeedView, needsOf, needsRecorded, needsSeen, needsText } from "./key-needs.ts"
import { bindingTurn, isBound, isMadeBy, maySeeKey, placesOf, requireTaking, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type KeyView = {
    readonly record: KeyRecord
    readonly state: KeyState
    /** Made, imported or enrolled by the user who asks. */
    readonly mine: boolean
    /** Tokens that are there and hold a copy, by their names. */
    readonly presentCopies?: ReadonlySet<string>
    /** Of what is kept with a YubiKey's key; not in lists. */
    readonly attestation?: AttestationVerdict
    /** Who still needs it; not in lists. */
    readonly needs?: readonly NeedView[]
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
    const view = attestedView(rooms, principal, record, {})
    return record.removedAt === undefined ? { ...view, needs: needsSeen(rooms, principal, record) } : view
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

/**
 * What is left is a tombstone: the ID is never used again. A key that something still needs goes only when that is typed too.
 *
 * @throws confirmation_required
 */
export async function removeKey(
    rooms: Rooms,
    principal: Principal,
    request: { readonly id: string; readonly confirm: string },
): Promise<KeyView> {
    const subject: Subject = {}
    return await recorded(rooms, principal, "remove-key", subject, async () => {
        const { key } = usableKey(rooms, principal, "remove-key", request.id)
        subject.keyId = key.id
        subject.detail = needsRecorded(needsOf(rooms, key))
        requireConfirmed(key, request.confirm, needsSeen(rooms, principal, key))
        return viewOf(rooms, principal, await rooms.keys.remove(key.id))
    })
}

function requireConfirmed({ id }: KeyRecord, confirm: string, needs: readonly NeedView[]): void {
    const digits = id.slice(0, 8)
    const pressing = needs.filter(({ needed }) => needed)
    if (pressing.length === 0 && confirm !== digits)
        throw new TrustkeyError("confirmation_required", `type the first 8 digits of the key ID to confirm: ${id}`)
    if (pressing.length > 0 && confirm !== `${digits} is still needed`) {
        const message = `${needsText(pressing)}. To remove it all the same, type "${digits} is still needed"`
        throw new TrustkeyError("confirmation_required", `key ${digits} is still needed by ${message}`)
    }
}

function viewOf(rooms: Rooms, principal: Principal, record: KeyRecord): KeyView {
    const view = { record, state: rooms.keys.state(record.id), mine: isMadeBy(principal, record) }
    if (record.copies === undefined) return view
    return { ...view, presentCopies: new Set(record.copies.filter((home) => rooms.keys.isPresent(home)).map(({ token }) => token)) }
}

/** TK-KEY-3: what is kept with a key is judged again each time somebody looks. */
export function attestedView(rooms: Rooms, principal: Principal, record: KeyRecord, subject: Subject): KeyView {
    const attestation = rooms.keys.judgeAttestation(record)
    if (record.home.kind === "token") subject.detail = { ...subject.detail, attestation: attestation?.verdict ?? "none" }
    return { ...viewOf(rooms, principal, record), ...(attestation === undefined ? {} : { attestation }) }
}

export function placesText(places: readonly Place[]): string {
    return places.map(({ gun, role }) => `${gun} ${role}`).join(", ")
}

const ROLE_OF_PURPOSE = {
    root: (role: string) => role === "root",
    targets: (role: string) => role === "targets",
    snapshot: (role: string) => role === "snapshot",
    delegation: (role: string) => role.startsWith("targets/"),
    ceremony: () => false,
} satisfies Record<Purpose, (role: string) => boolean>

/** @throws key_unfit */
export function requirePurpose(purpose: Purpose, bindings: readonly Binding[]): void {
    const wrong = bindings.find(({ role }) => !ROLE_OF_PURPOSE[purpose](role))
    if (wrong !== undefined) throw new TrustkeyError("key_unfit", `a ${purpose} key can't be bound to ${wrong.role}`)
}
