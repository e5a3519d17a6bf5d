import type { SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { type PinChange, type TokenExamination, type TokenObject, type TokenState, touchText } from "../keys/index.ts"
import { authorize, denial, isAllowed, type Principal } from "../policy/index.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { seesTouch } from "./touch.ts"
import { requireTtl } from "./unlock.ts"

export async function listTokens(rooms: Rooms, principal: Principal): Promise<readonly TokenState[]> {
    const allowed = (["list", "login", "status"] as const).some((action) => isAllowed(rooms.policy(), principal, action, []))
    if (!allowed) throw denial()
    const tokens = await rooms.keys.tokens()
    return tokens.map((token) => {
        const { touch } = token
        return touch === undefined || !seesTouch(rooms, principal, touch) ? token : { ...token, detail: touchText(touch) }
    })
}

export type LoginRequest = {
    readonly token: string
    readonly sealed?: SealedSecret
    readonly evenFinalTry: boolean
    /** Zero: the default. */
    readonly ttlSeconds: number
    /** Zero: no limit. */
    readonly uses: number
}

export async function login(rooms: Rooms, principal: Principal, request: LoginRequest): Promise<TokenState> {
    const { token, sealed, evenFinalTry, ttlSeconds, uses } = request
    return await recorded(rooms, principal, "login", { detail: { token, ttlSeconds, uses } }, async () => {
        authorize(rooms.policy(), principal, "login", [])
        requireAdminForFinalTry(principal, evenFinalTry)
        requireTtl(rooms, ttlSeconds)
        return await rooms.keys.login(token, sealed, evenFinalTry, { ttlSeconds, uses })
    })
}

/** One wrong PIN then blocks the token, for everybody. */
function requireAdminForFinalTry(principal: Principal, evenFinalTry: boolean): void {
    if (!evenFinalTry || principal.socket === "admin") return
    throw new TrustkeyError("denied", "the last try before a token is blocked is an administrator's: use the admin socket")
}

export type ChangePinRequest = {
    readonly token: string
    readonly shown: SealedSecret
    readonly next: SealedSecret
    readonly evenFinalTry: boolean
}

/** By the PIN there is. */
export function changePin(rooms: Rooms, principal: Principal, request: ChangePinRequest): Promise<TokenState> {
    return newPin(rooms, principal, request, "change")
}

/** By the PUK, or the security officer's PIN; the admin socket's. */
export function unblockPin(rooms: Rooms, principal: Principal, request: ChangePinRequest): Promise<TokenState> {
    return newPin(rooms, principal, request, "unblock")
}

async function newPin(rooms: Rooms, principal: Principal, request: ChangePinRequest, how: PinChange["how"]): Promise<TokenState> {
    const { token, ...change } = request
    return await recorded(rooms, principal, "change-pin", { detail: { token, how } }, async () => {
        authorize(rooms.policy(), principal, "change-pin", [])
        requireAdminForFinalTry(principal, request.evenFinalTry)
        return await rooms.keys.changePin(token, { how, ...change })
    })
}

export async function logout(rooms: Rooms, principal: Principal, request: { readonly token: string }): Promise<TokenState> {
    return await recorded(rooms, principal, "logout", { detail: { token: request.token } }, async () => {
        authorize(rooms.policy(), principal, "logout", [])
        return await rooms.keys.logout(request.token)
    })
}

export async function tokenObjects(
    rooms: Rooms,
    principal: Principal,
    request: { readonly token: string },
): Promise<readonly TokenObject[]> {
    authorize(rooms.policy(), principal, "enroll-key", [])
    return await rooms.keys.objects(request.token)
}

export type ExamineTokenRequest = {
    /** A name, or a PKCS#11 URI. */
    readonly token: string
    readonly write: boolean
}

/** The doctor. It makes keys of its own and destroys them; what it writes decides how the token is used, and is recorded. */
export async function examineToken(rooms: Rooms, principal: Principal, request: ExamineTokenRequest): Promise<TokenExamination> {
    const examine = async (): Promise<TokenExamination> => {
        authorize(rooms.policy(), principal, "enroll-key", [])
        return await rooms.keys.examine(request.token, request.write)
    }
    if (!request.write) return await examine()
    const subject: Subject = { detail: { token: request.token, quirks: "written" } }
    return await recorded(rooms, principal, "enroll-key", subject, async () => {
        const examination = await examine()
        subject.detail = { token: examination.token, quirks: "written", verdict: examination.report.verdict }
        return examination
    })
}
