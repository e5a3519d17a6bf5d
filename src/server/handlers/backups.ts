import type { RestoreChange as Change, Custody, KeyProof } from "../../custody/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { BackupsHandlers } from "../../wire/trustkeyd/v1/Backups.ts"
import type { KeyProof as WireProof } from "../../wire/trustkeyd/v1/KeyProof.ts"
import type { RestoreChange } from "../../wire/trustkeyd/v1/RestoreChange.ts"
import type { RestoreRequest__Output } from "../../wire/trustkeyd/v1/RestoreRequest.ts"
import type { RestoreResponse } from "../../wire/trustkeyd/v1/RestoreResponse.ts"
import {
    decodeCreateBackup,
    decodeFingerprint,
    decodeProve,
    decodeReceipt,
    decodeRestoreBegin,
    decodeRestoreRecords,
} from "../decode/index.ts"
import { encodeBackup, encodeDrill } from "../encode-backups.ts"
import { exchanging, receiving, type Send, sending } from "../exchanging.ts"
import { adminOnly, type Caller, unary } from "../unary.ts"

/** Of one message: a person reads them as lines. */
const CHANGES_PER_MESSAGE = 100

export function backupsHandlers(custody: Custody, caller: Caller): BackupsHandlers {
    const { principal } = caller
    return {
        Create: sending(caller, async (request, send) => {
            let [records, total] = [0, 0]
            const { data, ...made } = await custody.createBackup(principal, {
                ...decodeCreateBackup(request),
                take: async (part) => {
                    records = part.records
                    total = part.total
                    await send(part)
                },
            })
            await send({ data, records, total, made: encodeBackup(made) })
        }),
        Kept: unary(caller, async (request) => {
            await custody.keptBackup(principal, decodeFingerprint(request))
            return {}
        }),
        Restore: exchanging(caller, async (requests, send) => {
            requireAdmin(caller)
            await restore(custody, caller, requests, send)
        }),
        Prove: adminOnly(caller, async (request) => ({
            proofs: (await custody.proveKeys(principal, decodeProve(request))).map(encodeProof),
        })),
        RecordDrill: receiving(caller, async (requests) => {
            requireAdmin(caller)
            return encodeDrill(await custody.recordDrill(principal, { receipt: decodeReceipt(requests) }))
        }),
    }
}

/** As `adminOnly`, for streams. */
function requireAdmin({ principal }: Caller): void {
    if (principal.socket !== "admin") throw new TrustkeyError("denied", "this is answered on the admin socket only")
}

async function restore(
    custody: Custody,
    { principal }: Caller,
    requests: AsyncIterable<RestoreRequest__Output>,
    send: Send<RestoreResponse>,
): Promise<void> {
    const messages = requests[Symbol.asyncIterator]()
    const first = await messages.next()
    if (first.done === true || first.value.begin === null)
        throw new TrustkeyError("invalid_request", "begin is missing: the first message has it")
    let changes: RestoreChange[] = []
    const outcome = await custody.restoreBackup(principal, {
        ...decodeRestoreBegin(first.value.begin),
        records: decodeRestoreRecords(first.value, messages),
        say: async (change) => {
            if (changes.push(encodeChange(change)) < CHANGES_PER_MESSAGE) return
            await send({ changes })
            changes = []
        },
    })
    await send({ changes, outcome })
}

function encodeChange({ kind, subject, name = "", gun = "", role = "", text }: Change): RestoreChange {
    return { kind, subject, name, gun, role, text }
}

function encodeProof(proof: KeyProof): WireProof {
    const { keyId } = proof
    if ("signature" in proof) return { keyId, signature: proof.signature }
    return { keyId, errorCode: proof.problem.code, errorMessage: proof.problem.message }
}
