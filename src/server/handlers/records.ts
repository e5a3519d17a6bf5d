import type { Custody } from "../../custody/index.ts"
import type { AuditHandlers } from "../../wire/trustkeyd/v1/Audit.ts"
import type { JournalHandlers } from "../../wire/trustkeyd/v1/Journal.ts"
import { decodeListAudit, decodeShowJournal, decodeVoid } from "../decode/index.ts"
import { encodeAuditRecord, encodeJournalEntry } from "../encode.ts"
import { adminOnly, type Caller, unary } from "../unary.ts"

export function journalHandlers(custody: Custody, caller: Caller): JournalHandlers {
    const { principal } = caller
    return {
        Show: unary(caller, async (request) => {
            return { entries: (await custody.showJournal(principal, decodeShowJournal(request))).map(encodeJournalEntry) }
        }),
        Void: adminOnly(caller, async (request) => {
            await custody.voidPromise(principal, decodeVoid(request))
            return {}
        }),
    }
}

export function auditHandlers(custody: Custody, caller: Caller): AuditHandlers {
    const { principal } = caller
    return {
        List: adminOnly(caller, async (request) => {
            return { records: (await custody.listAudit(principal, decodeListAudit(request))).map(encodeAuditRecord) }
        }),
        Verify: adminOnly(caller, async () => {
            const { intact, records, brokenAt, head } = await custody.verifyAudit(principal)
            return { intact, records, brokenAt, head }
        }),
    }
}
