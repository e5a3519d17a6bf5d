import { type Slot, TokenFlag } from "graphene-pk11"
import type { PinTries } from "../messages.ts"
import { knownQuirks, type ModuleFamily, type Quirks, type QuirksOverride } from "../quirks.ts"

/** CK_TOKEN_INFO in our words, and what is known of such a token. */
export type TokenInfo = {
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly loginRequired: boolean
    readonly pinPad: boolean
    readonly tries: PinTries
    readonly officerTries: PinTries
    readonly pinLengths: { readonly least: number; readonly most: number }
    readonly quirks: Quirks
}

export const NO_TOKEN_INFO: TokenInfo = {
    label: "",
    serial: "",
    manufacturer: "",
    model: "",
    loginRequired: true,
    pinPad: false,
    tries: "ok",
    officerTries: "ok",
    pinLengths: { least: 0, most: 0 },
    quirks: knownQuirks("unknown", ""),
}

/** @throws what the module throws */
export function readTokenInfo(slot: Slot, family: ModuleFamily, override: QuirksOverride | undefined): TokenInfo {
    const token = slot.getToken()
    const has = (flag: number): boolean => (token.flags & flag) !== 0
    const known = knownQuirks(family, token.manufacturerID)
    // What was written about one token says nothing about another one in its place.
    const quirks = override?.serial === token.serialNumber ? { ...known, ...override.quirks } : known
    return {
        label: token.label,
        serial: token.serialNumber,
        manufacturer: token.manufacturerID,
        model: token.model,
        loginRequired: has(TokenFlag.LOGIN_REQUIRED),
        pinPad: has(TokenFlag.PROTECTED_AUTHENTICATION_PATH),
        tries: triesBy(has, TokenFlag.USER_PIN_LOCKED, TokenFlag.USER_PIN_FINAL_TRY, TokenFlag.USER_PIN_COUNT_LOW),
        officerTries: triesBy(has, TokenFlag.SO_PIN_LOCKED, TokenFlag.SO_PIN_FINAL_TRY, TokenFlag.SO_PIN_COUNT_LOW),
        pinLengths: quirks.pinLengths ?? { least: Number(token.minPinLen), most: Number(token.maxPinLen) },
        quirks,
    }
}

function triesBy(has: (flag: number) => boolean, locked: number, finalTry: number, countLow: number): PinTries {
    if (has(locked)) return "blocked"
    if (has(finalTry)) return "final"
    return has(countLow) ? "low" : "ok"
}
