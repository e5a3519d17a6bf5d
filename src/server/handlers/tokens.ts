import type { Custody } from "../../custody/index.ts"
import type { TokenEvent } from "../../wire/trustkeyd/v1/TokenEvent.ts"
import type { TokensHandlers } from "../../wire/trustkeyd/v1/Tokens.ts"
import type { WatchTokensRequest } from "../../wire/trustkeyd/v1/WatchTokensRequest.ts"
import { decodeChangePin, decodeDoctor, decodeLogin, decodeToken, decodeUnblockPin } from "../decode/index.ts"
import { encodeDoctorReport, encodeToken, encodeTokenObject, encodeTokenView, encodeTouch } from "../encode.ts"
import { adminOnly, type Caller, unary } from "../unary.ts"
import { watching } from "../watching.ts"

export function tokensHandlers(custody: Custody, caller: Caller, leaving: AbortSignal): TokensHandlers {
    const { principal } = caller
    return {
        List: unary(caller, async () => ({ tokens: (await custody.listTokens(principal)).map(encodeToken) })),
        Login: unary(caller, async (request) => encodeToken(await custody.login(principal, decodeLogin(request)))),
        Logout: unary(caller, async (request) => encodeToken(await custody.logout(principal, decodeToken(request)))),
        ChangePin: unary(caller, async (request) => encodeToken(await custody.changePin(principal, decodeChangePin(request)))),
        UnblockPin: adminOnly(caller, async (request) => encodeToken(await custody.unblockPin(principal, decodeUnblockPin(request)))),
        Watch: watching(caller, leaving, ({ own }: WatchTokensRequest, next: (event: TokenEvent) => void) =>
            custody.watchTouches(principal, { own: own === true }, (event) => next(encodeTouch(event))),
        ),
        Doctor: adminOnly(caller, async (request) => encodeDoctorReport(await custody.examineToken(principal, decodeDoctor(request)))),
        Show: unary(caller, async (request) => encodeTokenView(await custody.showToken(principal, decodeToken(request)))),
        Objects: adminOnly(caller, async (request) => {
            return { objects: (await custody.tokenObjects(principal, decodeToken(request))).map(encodeTokenObject) }
        }),
    }
}
