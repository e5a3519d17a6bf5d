import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import { type Action, authorize, denial, isAllowed, mayInRepository, type Permit, type Place, type Principal } from "../policy/index.ts"
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
    return { key, permit: authorize(rooms.policy(), principal, action, placesOf(key, ...places)) }
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

/** TK-POL-3: permission is not enough, the key has to be bound to the place. */
export function requireBinding(key: KeyRecord, place: Place): void {
    if (isBound(key, place)) return
    const { gun, role } = place
    throw new TrustkeyError("key_unfit", `this key is not bound to ${role} of ${gun}; an administrator can bind it with key bind`)
}

export function isBound(key: KeyRecord, place: Place): boolean {
    return key.bindings.some(({ gun, role }) => gun === place.gun && role === place.role)
}

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
    return isAllowed(policy, principal, "list", places) || (places.length > 0 && isAllowed(policy, principal, "sign", places))
}
