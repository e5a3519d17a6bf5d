import { TrustkeyError } from "../errors.ts"

/** `any`: what Go's parser takes. `go-normal`: what Go would write for the same moment and zone; anything else it rewrites, which changes the file's hash. */
export type ExpiresForm = "any" | "go-normal"

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/

/**
 * Read an `expires` field: RFC 3339, up to nine fractional digits, any zone. Below a millisecond it is cut off, so a file counts as
 * expired up to a millisecond early. `where` is for the message.
 *
 * @throws metadata_rejected
 */
export function parseExpires(text: string, form: ExpiresForm, where = "expires"): Date {
    const match = RFC3339.exec(text)
    if (match === null) throw new TrustkeyError("metadata_rejected", `${where} is no RFC 3339 date and time`)
    const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour = "00", offsetMinute = "00"] = match
    const local = new Date(0)
    local.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
    local.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, "0")))
    // A month 13 or a 30th of February rolls over, and is found out by not coming back the same.
    const isReal = local.toISOString().slice(0, 19) === text.slice(0, 19)
    if (!isReal || Number(offsetHour) > 23 || Number(offsetMinute) > 59) {
        throw new TrustkeyError("metadata_rejected", `${where} is a date or time that does not exist`)
    }
    if (form === "go-normal" && (fraction.endsWith("0") || (sign !== undefined && offsetHour === "00" && offsetMinute === "00"))) {
        throw new TrustkeyError("metadata_rejected", `${where} must be as Go writes it: Z for UTC, no zeros at the end of the fraction`)
    }
    const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
    return new Date(local.getTime() - (sign === "-" ? -offset : offset))
}

/** Whole seconds, UTC: always in Go's normal form (toISOString is not, one time in ten). */
export function formatExpires(date: Date): string {
    return `${date.toISOString().slice(0, 19)}Z`
}
