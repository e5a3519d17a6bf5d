import type { Custody } from "../../custody/index.ts"
import type { TrustHandlers } from "../../wire/trustkeyd/v1/Trust.ts"
import { decodeAdopt, decodeGun, decodeObserve, decodePlanRoot, decodeReset } from "../decode/index.ts"
import { encodeFile, encodeMarks, encodePlannedRoot, encodeRepository, encodeTrust } from "../encode.ts"
import { adminOnly, type Caller, unary } from "../unary.ts"

export function trustHandlers(custody: Custody, caller: Caller): TrustHandlers {
    const { principal, maxPayloadBytes } = caller
    return {
        List: unary(caller, async () => ({ repositories: (await custody.listTrust(principal)).map(encodeRepository) })),
        Show: unary(caller, async (request) => encodeTrust(await custody.showTrust(principal, decodeGun(request)))),
        Adopt: adminOnly(caller, async (request) => encodeTrust(await custody.adopt(principal, decodeAdopt(request, maxPayloadBytes)))),
        Reset: adminOnly(caller, async (request) => encodeTrust(await custody.reset(principal, decodeReset(request)))),
        Observe: unary(caller, async (request) => {
            const { marks, published } = await custody.observe(principal, decodeObserve(request, maxPayloadBytes))
            return { marks: encodeMarks(marks), published: [...published] }
        }),
        PlanRoot: unary(caller, async (request) =>
            encodePlannedRoot(await custody.planRoot(principal, decodePlanRoot(request, maxPayloadBytes))),
        ),
        Outbox: unary(caller, async (request) => ({ files: (await custody.outbox(principal, decodeGun(request))).map(encodeFile) })),
    }
}
