import type { KeyRecord } from "../journal/index.ts"
import { type Action, authorize, denial, isAllowed, type Permit, type Place, type Principal } from "../policy/index.ts"
import type { Rooms } from "./rooms.ts"

/** TK-POL-3: a signature counts wherever its key is trusted, so every binding is a place the act touches. */
export function placesOf(key: KeyRecord, ...more: readonly Place[]): readonly Place[] {
    return [...more, ...key.bindings]
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

/** The roles a repository always has: somebody trusted with one of them may see the repository. */
const SEEING_ROLES = ["root", "targets", "snapshot", "timestamp"]

/** Whoever may sign for a repository may also see it and present what is published. */
export function maySee(rooms: Rooms, principal: Principal, gun: string): boolean {
    const roles = new Set([...SEEING_ROLES, ...boundRoles(rooms, gun)])
    return [...roles].some((role) =>
        (["observe", "sign"] as const).some((action) => isAllowed(rooms.policy(), principal, action, [{ gun, role }])),
    )
}

export function requireSeeing(rooms: Rooms, principal: Principal, gun: string): void {
    if (!maySee(rooms, principal, gun)) throw denial()
}

export function maySeeKey(rooms: Rooms, principal: Principal, key: KeyRecord): boolean {
    const policy = rooms.policy()
    const places = placesOf(key)
    return isAllowed(policy, principal, "list", places) || (places.length > 0 && isAllowed(policy, principal, "sign", places))
}

function boundRoles(rooms: Rooms, gun: string): readonly string[] {
    const documents = rooms.journal.repositories().find((repository) => repository.gun === gun)?.documents
    return ["targets/releases", ...(documents?.keys() ?? [])]
}
