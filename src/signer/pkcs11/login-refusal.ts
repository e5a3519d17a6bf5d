import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import type { PinTries } from "../messages.ts"
import type { LoginResult } from "./result-codes.ts"

/** What a refused login is called, given the flags read after it. */
export function loginRefusal(result: Exclude<LoginResult, "ok">, tries: PinTries): TrustkeyError {
    const say = (code: ErrorCode, message: string): TrustkeyError => new TrustkeyError(code, message)
    // Some cards say "incorrect" for the try that blocked them, and only the flag tells.
    if (result === "blocked" || (result === "incorrect" && tries === "blocked")) {
        return say("pin_blocked", "the PIN is blocked; it takes the PUK or the security officer to unblock it")
    }
    if (result === "incorrect") {
        const left = tries === "final" ? "; one try is left" : tries === "low" ? "; few tries are left" : ""
        return say("pin_incorrect", `the PIN is not right${left}`)
    }
    if (result === "impossible") return say("pin_incorrect", "this cannot be the PIN: the token does not take this length or form")
    return say("token_failed", "the token failed during the login")
}

/** It was not told to the token: see Token's `fitsPin`. */
export function notAPin(): TrustkeyError {
    return new TrustkeyError("pin_incorrect", "this cannot be the PIN: the token takes none of this length; no try was spent")
}

export function loginRequired(): TrustkeyError {
    return new TrustkeyError("login_required", "nobody is logged in to the token")
}
