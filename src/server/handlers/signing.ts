import type { Custody } from "../../custody/index.ts"
import type { SigningHandlers } from "../../wire/trustkeyd/v1/Signing.ts"
import { decodeSign, decodeSignSet, decodeTag } from "../decode/index.ts"
import { encodeFile, encodeSignature } from "../encode.ts"
import { streaming } from "../streaming.ts"
import { type Caller, inTime, refusal, unary } from "../unary.ts"

export function signingHandlers(custody: Custody, caller: Caller): SigningHandlers {
    const { principal, maxPayloadBytes } = caller
    return {
        Sign: unary(caller, async (request) => {
            return {
                signature: encodeSignature(await custody.sign(principal, decodeSign(request, maxPayloadBytes))),
                tag: decodeTag(request),
            }
        }),
        SignStream: streaming(caller, async (request) => {
            // Without a tag that can be repeated no answer could be told from another, so this alone ends the stream.
            const tag = decodeTag(request)
            try {
                const signature = await inTime(caller, async () => custody.sign(principal, decodeSign(request, maxPayloadBytes)))
                return { signature: encodeSignature(signature), tag }
            } catch (error) {
                return { tag, ...refusal(caller, error) }
            }
        }),
        SignSet: unary(caller, async (request) => {
            return { files: (await custody.signSet(principal, decodeSignSet(request, maxPayloadBytes))).map(encodeFile) }
        }),
    }
}
