import type { Custody } from "../../custody/index.ts"
import type { SecretsHandlers } from "../../wire/trustkeyd/v1/Secrets.ts"
import type { StatusHandlers } from "../../wire/trustkeyd/v1/Status.ts"
import { decodeChallenge } from "../decode/index.ts"
import { encodeStatus } from "../encode.ts"
import { type Caller, unary } from "../unary.ts"

export function statusHandlers(custody: Custody, caller: Caller): StatusHandlers {
    const { principal } = caller
    return { Get: unary(caller, async () => encodeStatus(await custody.status(principal), principal)) }
}

export function secretsHandlers(custody: Custody, caller: Caller): SecretsHandlers {
    const { principal } = caller
    return {
        Challenge: unary(caller, async (request) => {
            const { signerPublic, nonce, purpose, subject } = await custody.challenge(principal, decodeChallenge(request))
            return { signerPublic, nonce, purpose, subject }
        }),
    }
}
