import type { ChangePinRequest, ExamineTokenRequest, LoginRequest } from "../../custody/index.ts"
import type { ChallengeRequest__Output } from "../../wire/trustkeyd/v1/ChallengeRequest.ts"
import type { ChangePinRequest__Output } from "../../wire/trustkeyd/v1/ChangePinRequest.ts"
import type { LoginRequest__Output } from "../../wire/trustkeyd/v1/LoginRequest.ts"
import type { SealedSecret__Output } from "../../wire/trustkeyd/v1/SealedSecret.ts"
import type { UnblockPinRequest__Output } from "../../wire/trustkeyd/v1/UnblockPinRequest.ts"
import { invalid, MAX_URI, matching, sealed, tokenName } from "./fields.ts"

export function decodeChallenge(wire: ChallengeRequest__Output): { readonly purpose: string; readonly subject: string } {
    return {
        purpose: matching("purpose", wire.purpose, /^[a-z-]{1,32}$/),
        subject: matching("subject", wire.subject, /^[a-z0-9][a-z0-9:._-]{0,159}$/),
    }
}

export function decodeLogin(wire: LoginRequest__Output): LoginRequest {
    return {
        token: tokenName(wire.token),
        ...(wire.pin === null ? {} : { sealed: sealed("pin", wire.pin) }),
        evenFinalTry: wire.evenFinalTry,
        ttlSeconds: wire.ttlSeconds,
        uses: wire.uses,
    }
}

/** A name, or a PKCS#11 URI: as long as one may be. */
export function decodeDoctor(wire: { readonly token: string; readonly write: boolean }): ExamineTokenRequest {
    if (wire.token === "" || wire.token.length > MAX_URI) throw invalid("token", "is empty or too long")
    return { token: wire.token, write: wire.write }
}

export function decodeChangePin(wire: ChangePinRequest__Output): ChangePinRequest {
    return newPin(wire, "old_pin", wire.oldPin)
}

export function decodeUnblockPin(wire: UnblockPinRequest__Output): ChangePinRequest {
    return newPin(wire, "puk", wire.puk)
}

function newPin(
    wire: ChangePinRequest__Output | UnblockPinRequest__Output,
    name: string,
    shown: SealedSecret__Output | null,
): ChangePinRequest {
    return {
        token: tokenName(wire.token),
        shown: sealed(name, shown),
        next: sealed("new_pin", wire.newPin),
        evenFinalTry: wire.evenFinalTry,
    }
}

export function decodeToken(wire: { readonly token: string }): { readonly token: string } {
    return { token: tokenName(wire.token) }
}
