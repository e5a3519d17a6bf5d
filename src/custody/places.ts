import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import {
    type Action,
    authorize,
    authorizeOwn,
    denial,
    isAllowed,
    mayAnywhere,
    mayInRepository,
    type Permit,
    type Place,
    type Principal,
} from "../policy/index.ts"
import type { Rooms } from "./rooms.ts"

/** TK-POL-3: a signature counts wherever its key is trusted, so every binding is a place the act touches. */
export function placesOf(key: KeyRecord, ...more: readonly Place[]): readonly Place[] {
    // As a rule the place asked for is one of them, and comparing with patterns is most of what a permission costs.
    const asked = more.filter((place) => !isBound(key, place))
    return [...asked, ...key.bindings]
}

/** TK-POL-1: an unknown key, a removed one and one the caller may not use get one answer. */
export function usableKey<A extends Action>(
    rooms: Rooms,
    principal: Principal,
    action: A,
    idOrPrefix: string,
    ...places: readonly Place[]
): { readonly key: KeyRecord; readonly permit: Permit<A> } {
    const key = rooms.keys.find(idOrPrefix)
    if (key === undefined || key.removedAt !== undefined) throw denial()
    return { key, permit: permitFor(rooms, principal, action, key, places) }
}

function permitFor<A extends Action>(rooms: Rooms, principal: Principal, action: A, key: KeyRecord, asked: readonly Place[]): Permit<A> {
    const places = placesOf(key, ...asked)
    if (places.length === 0 && isOwn(principal, key)) return authorizeOwn(rooms.policy(), principal, action)
    return authorize(rooms.policy(), principal, action, places)
}

/** As it stands in a key's record: names may go to somebody else. */
export function makerOf(principal: Principal): string {
    return `uid:${principal.uid}`
}

export function isMadeBy(principal: Principal, key: KeyRecord): boolean {
    return key.madeBy === makerOf(principal)
}

/**
 * A delegation key is made before any repository lets it sign, often by somebody whose rules speak of a few repositories only. Until
 * it is bound it is in the hands of whoever made it.
 */
export function isOwn(principal: Principal, key: KeyRecord): boolean {
    return key.bindings.length === 0 && key.purpose === "delegation" && isMadeBy(principal, key)
}

/**
 * TK-POL-3: the daemon doesn't know where a key is trusted that is bound nowhere: its public half may have been handed out, or it came
 * from a file. Whoever bound it to a place of his own could sign with it, and the signature would count there too. So only its maker
 * may bind it, or somebody who may bind anything anywhere.
 *
 * @throws denied
 */
export function requireTaking(rooms: Rooms, principal: Principal, key: KeyRecord): void {
    if (key.bindings.length > 0 || isOwn(principal, key)) return
    authorize(rooms.policy(), principal, "bind", [])
}

/** TK-POL-1: a key that is bound nowhere is anybody's to ask for; to whoever may not see it, it isn't there. */
export function signingKey(
    rooms: Rooms,
    principal: Principal,
    id: string,
    place: Place,
): { readonly key: KeyRecord; readonly permit: Permit<"sign"> } {
    const found = usableKey(rooms, principal, "sign", id, place)
    if (!isBound(found.key, place) && !maySeeKey(rooms, principal, found.key)) throw denial()
    return found
}

/** Who may bind a key depends on where it is bound: nothing may change between the asking and the binding. */
export function bindingTurn(keyId: string): string {
    return `bindings of ${keyId}`
}

/** TK-POL-3: permission is not enough, the key has to be bound to the place. */
export function requireBinding(key: KeyRecord, place: Place): void {
    if (isBound(key, place)) return
    const { gun, role } = place
    throw new TrustkeyError("key_unfit", `this key is not bound to ${role} of ${gun}; an administrator can bind it with key bind`)
}

export function isBound(key: KeyRecord, place: Place): boolean {
    return key.bindings.some(({ gun, role }) => gun === place.gun && role === place.role)
}

const SEEING = ["list", "sign"] as const

/** Whoever may sign for one role of a repository may also see it and present what is published. */
export function maySee(rooms: Rooms, principal: Principal, gun: string): boolean {
    return (["observe", "sign"] as const).some((action) => mayInRepository(rooms.policy(), principal, action, gun))
}

export function requireSeeing(rooms: Rooms, principal: Principal, gun: string): void {
    if (!maySee(rooms, principal, gun)) throw denial()
}

export function maySeeKey(rooms: Rooms, principal: Principal, key: KeyRecord): boolean {
    const policy = rooms.policy()
    const places = placesOf(key)
    if (isOwn(principal, key)) return SEEING.some((action) => mayAnywhere(policy, principal, action))
    return isAllowed(policy, principal, "list", places) || (places.length > 0 && isAllowed(policy, principal, "sign", places))
}
