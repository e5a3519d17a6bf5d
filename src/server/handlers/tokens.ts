import type { Custody } from "../../custody/index.ts"
import type { TokensHandlers } from "../../wire/trustkeyd/v1/Tokens.ts"
import { decodeLogin, decodeToken } from "../decode.ts"
import { encodeToken, encodeTokenObject } from "../encode.ts"
import { adminOnly, type Caller, unary } from "../unary.ts"

export function tokensHandlers(custody: Custody, caller: Caller): TokensHandlers {
    const { principal } = caller
    return {
        List: unary(caller, async () => ({ tokens: (await custody.listTokens(principal)).map(encodeToken) })),
        Login: unary(caller, async (request) => encodeToken(await custody.login(principal, decodeLogin(request)))),
        Logout: unary(caller, async (request) => encodeToken(await custody.logout(principal, decodeToken(request)))),
        Objects: adminOnly(caller, async (request) => {
            return { objects: (await custody.tokenObjects(principal, decodeToken(request))).map(encodeTokenObject) }
        }),
    }
}
