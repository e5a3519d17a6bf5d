import { TrustkeyError } from "../../errors.ts"
import type { TouchPolicy } from "../piv/description.ts"

/** The names are PKCS#11 v3.0's. */
export const CKR_OK = 0x00
export const CKR_GENERAL_ERROR = 0x05
export const CKR_ARGUMENTS_BAD = 0x07
export const CKR_CANT_LOCK = 0x0a
export const CKR_ATTRIBUTE_SENSITIVE = 0x11
export const CKR_ATTRIBUTE_TYPE_INVALID = 0x12
export const CKR_ATTRIBUTE_VALUE_INVALID = 0x13
export const CKR_ACTION_PROHIBITED = 0x1b
export const CKR_DEVICE_ERROR = 0x30
export const CKR_DEVICE_MEMORY = 0x31
export const CKR_DEVICE_REMOVED = 0x32
export const CKR_FUNCTION_NOT_SUPPORTED = 0x54
export const CKR_KEY_SIZE_RANGE = 0x62
export const CKR_KEY_TYPE_INCONSISTENT = 0x63
export const CKR_KEY_FUNCTION_NOT_PERMITTED = 0x68
export const CKR_KEY_NOT_WRAPPABLE = 0x69
export const CKR_KEY_UNEXTRACTABLE = 0x6a
export const CKR_MECHANISM_INVALID = 0x70
export const CKR_MECHANISM_PARAM_INVALID = 0x71
export const CKR_PIN_INCORRECT = 0xa0
export const CKR_PIN_INVALID = 0xa1
export const CKR_PIN_LEN_RANGE = 0xa2
export const CKR_PIN_LOCKED = 0xa4
export const CKR_SESSION_COUNT = 0xb1
export const CKR_TEMPLATE_INCONSISTENT = 0xd1
const CKR_SESSION_CLOSED = 0xb0
const CKR_SESSION_HANDLE_INVALID = 0xb3
export const CKR_TOKEN_NOT_PRESENT = 0xe0
export const CKR_TOKEN_WRITE_PROTECTED = 0xe2
export const CKR_USER_ALREADY_LOGGED_IN = 0x100
export const CKR_USER_NOT_LOGGED_IN = 0x101
export const CKR_USER_PIN_NOT_INITIALIZED = 0x102
export const CKR_DOMAIN_PARAMS_INVALID = 0x130
export const CKR_CURVE_NOT_SUPPORTED = 0x140
export const CKR_FUNCTION_REJECTED = 0x200
const CKR_CRYPTOKI_NOT_INITIALIZED = 0x190

/** The CKR value in an error of pkcs11js or graphene; undefined when it is not one of theirs. */
export function resultCode(error: unknown): number | undefined {
    if (!(error instanceof Error)) return undefined
    // C_CreateObject, C_FindObjects and some more throw a plain Error "CKR_X:19"; the others carry `code`. Some of graphene's have both, or code 0.
    if ("code" in error && typeof error.code === "number" && error.code !== 0) return error.code
    const match = /CKR_\w+:(\d+)/.exec(error.message)
    return match === null ? undefined : Number(match[1])
}

export type Consequence =
    /** Nothing is wrong with the session; the answer says what is. */
    | "none"
    /** Nobody is logged in, whatever we believed. */
    | "logged-out"
    /** Sessions, handles and login are gone or cannot be trusted. */
    | "lost"

export type Verdict = { readonly consequence: Consequence; readonly error: TrustkeyError }

/**
 * What a failed call means for the state of the token. Everything unknown counts as a lost session: modules invent
 * values, and the way back (sessions, then finalize and initialize, then a new process) is the same for all.
 */
export function judge(code: number | undefined, cause: unknown): Verdict {
    switch (code) {
        case CKR_USER_NOT_LOGGED_IN:
        case CKR_USER_PIN_NOT_INITIALIZED:
            // Also what a card says when nobody touched it: see judgeTouch.
            return verdict("logged-out", "login_required", "the token asks for a login", cause)
        case CKR_TOKEN_NOT_PRESENT:
        case CKR_DEVICE_REMOVED:
            return verdict("lost", "token_absent", "the token is not there", cause)
        case CKR_SESSION_COUNT:
        case CKR_FUNCTION_REJECTED:
            return verdict("none", "token_busy", "the token is busy or refused for now", cause)
        case CKR_DEVICE_MEMORY:
            return verdict("none", "token_failed", "the token has no room left", cause)
        case CKR_TOKEN_WRITE_PROTECTED:
            return verdict("none", "token_failed", "the token is write-protected", cause)
        case CKR_ATTRIBUTE_TYPE_INVALID:
        case CKR_ATTRIBUTE_VALUE_INVALID:
        case CKR_FUNCTION_NOT_SUPPORTED:
        case CKR_KEY_SIZE_RANGE:
        case CKR_KEY_TYPE_INCONSISTENT:
        case CKR_KEY_FUNCTION_NOT_PERMITTED:
        case CKR_MECHANISM_INVALID:
        case CKR_MECHANISM_PARAM_INVALID:
        case CKR_TEMPLATE_INCONSISTENT:
        case CKR_DOMAIN_PARAMS_INVALID:
        case CKR_CURVE_NOT_SUPPORTED:
            return verdict("none", "key_unfit", "the token cannot do this with this kind of key", cause)
        default:
            // DEVICE_ERROR, SESSION_HANDLE_INVALID, OBJECT_HANDLE_INVALID, GENERAL_ERROR, HOST_MEMORY, OPERATION_ACTIVE, …
            return verdict("lost", "token_failed", "the token failed and was let go", cause)
    }
}

function verdict(consequence: Consequence, code: TrustkeyError["code"], message: string, cause: unknown): Verdict {
    return { consequence, error: new TrustkeyError(code, message, { cause }) }
}

/** A card waits for a touch about 15 s; some readers give up after 10. */
const LEAST_MISSED_TOUCH_MS = 3_000
/** A card that wants no touch, or has had it, refuses within a moment. */
const MOST_REFUSAL_MS = 1_000

/**
 * Whether C_Sign failed for want of a touch. A card says the same for a missing login, and only the time tells the two apart; in between
 * it could have been either.
 */
export function judgeTouch(
    code: number | undefined,
    elapsedMs: number,
    policy: TouchPolicy | undefined,
): "missed" | "ruled-out" | "undecided" {
    if (policy === "never" || elapsedMs < MOST_REFUSAL_MS) return "ruled-out"
    if (elapsedMs < LEAST_MISSED_TOUCH_MS) return "undecided"
    if (code === CKR_USER_NOT_LOGGED_IN) return "missed"
    // Anything else can be said with it; of a key that is known to wait for a touch we take it for that.
    return code === CKR_DEVICE_ERROR && policy !== undefined ? "missed" : "undecided"
}

export type LoginResult = "ok" | "already" | "incorrect" | "blocked" | "impossible" | "other"

/** What C_Login said. */
export function judgeLogin(code: number): LoginResult {
    switch (code) {
        case CKR_OK:
            return "ok"
        case CKR_USER_ALREADY_LOGGED_IN:
            return "already"
        case CKR_PIN_INCORRECT:
            return "incorrect"
        case CKR_PIN_LOCKED:
            return "blocked"
        // ykcs11 says ARGUMENTS_BAD for a length no PIN can have.
        case CKR_PIN_INVALID:
        case CKR_PIN_LEN_RANGE:
        case CKR_ARGUMENTS_BAD:
            return "impossible"
        default:
            return "other"
    }
}

const ENDS: ReadonlySet<number> = new Set([
    CKR_DEVICE_ERROR,
    CKR_DEVICE_REMOVED,
    CKR_TOKEN_NOT_PRESENT,
    CKR_SESSION_CLOSED,
    CKR_SESSION_HANDLE_INVALID,
    CKR_USER_NOT_LOGGED_IN,
    CKR_CRYPTOKI_NOT_INITIALIZED,
])

/** Whether this is about the token or the session. Every other answer says something about what was asked. */
export function endsSession(code: number): boolean {
    return ENDS.has(code)
}
