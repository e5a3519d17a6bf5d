import type { Custody } from "../../custody/index.ts"
import type { CeremoniesHandlers } from "../../wire/trustkeyd/v1/Ceremonies.ts"
import { decodeSignClose } from "../decode/index.ts"
import { encodeSignature } from "../encode.ts"
import { adminOnly, type Caller } from "../unary.ts"

export function ceremoniesHandlers(custody: Custody, caller: Caller): CeremoniesHandlers {
    const { principal } = caller
    return {
        SignClose: adminOnly(caller, async (request) => {
            return { signature: encodeSignature(await custody.signClose(principal, decodeSignClose(request))) }
        }),
    }
}
