import type { TokenState } from "../keys/index.ts"
import { denial, isAllowed, type Principal } from "../policy/index.ts"
import type { PivDescription } from "../signer/index.ts"
import { type CardWarning, cardWarnings } from "./card-warnings.ts"
import type { Rooms } from "./rooms.ts"

export type TokenView = {
    readonly state: TokenState
    /** What a YubiKey says of itself. */
    readonly card?: PivDescription
    readonly warnings: readonly CardWarning[]
}

/**
 * Everything about one token. Asking a YubiKey ends its login, so that is for those who may log in and out; others are told what the
 * daemon knows without asking.
 */
export async function showToken(rooms: Rooms, principal: Principal, request: { readonly token: string }): Promise<TokenView> {
    const may = (action: "list" | "login" | "status"): boolean => isAllowed(rooms.policy(), principal, action, [])
    if (may("login")) {
        const { state, card } = await rooms.keys.describeToken(request.token)
        return card === undefined ? { state, warnings: [] } : { state, card, warnings: cardWarnings(card) }
    }
    if (!may("list") && !may("status")) throw denial()
    const state = (await rooms.keys.tokens()).find(({ name }) => name === request.token)
    if (state === undefined) throw denial()
    return { state, warnings: [] }
}
