import type { JournalFilter } from "../../journal/index.ts"
import { type Gun, parseGun, parseRoleName, type RoleName } from "../../tuf/index.ts"
import type { ListAuditRequest__Output } from "../../wire/trustkeyd/v1/ListAuditRequest.ts"
import type { ShowJournalRequest__Output } from "../../wire/trustkeyd/v1/ShowJournalRequest.ts"
import type { VoidRequest__Output } from "../../wire/trustkeyd/v1/VoidRequest.ts"
import { confirmation, pageSize, placeFilter, version, wholeNumber } from "./fields.ts"

export function decodeShowJournal(wire: ShowJournalRequest__Output): JournalFilter {
    return { ...placeFilter(wire), after: wholeNumber("after", wire.after), limit: pageSize(wire.limit) }
}

export function decodeVoid(wire: VoidRequest__Output): {
    readonly gun: Gun
    readonly role: RoleName
    readonly version: number
    readonly confirm: string
} {
    return { gun: parseGun(wire.gun), role: parseRoleName(wire.role), version: version(wire.version), confirm: confirmation(wire.confirm) }
}

export function decodeListAudit(wire: ListAuditRequest__Output): {
    readonly after: number
    readonly limit: number
    readonly newest: boolean
} {
    return { after: wholeNumber("after", wire.after), limit: pageSize(wire.limit), newest: wire.newest }
}
