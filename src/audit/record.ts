import { hash } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type AuditRow, integerOf, type Row, textOf } from "../storage/index.ts"

export type AuditDetail = Readonly<Record<string, string | number | boolean>>

/** What happened. No secret and no payload belongs in it (TK-SEC-1). */
export type AuditEvent = {
    readonly at: Date
    /** "uid:1000(alice)" */
    readonly who: string
    readonly action: string
    /** "ok" or an error code */
    readonly outcome: string
    /** These three are empty where they do not apply. */
    readonly gun: string
    readonly role: string
    readonly keyId: string
    readonly detail: AuditDetail
}

export type AuditRecord = AuditEvent & {
    /** 1, 2, 3 … without a gap */
    readonly sequence: number
    /** The hash of the record before, 64 zeros for the first; lowercase hex */
    readonly previous: string
    /** SHA-256, lowercase hex: docs/formats/audit-record.md */
    readonly hash: string
}

/** A place in the chain: the hash covers the record of that sequence and all before it. */
export type AuditHead = { readonly sequence: number; readonly hash: string }

/** Before the first record. */
export const GENESIS: AuditHead = { sequence: 0, hash: "0".repeat(64) }

// A GUN is at most 255 characters; nothing we write comes near this. It bounds what a caller can make us write.
const MAX_TEXT = 4096

/** The record of `event` behind `head`, as it is stored. */
export function chainRecord(head: AuditHead, event: AuditEvent): AuditRow {
    const unhashed = {
        sequence: head.sequence + 1,
        at: event.at.toISOString(),
        who: bounded(event.who),
        action: bounded(event.action),
        outcome: bounded(event.outcome),
        gun: bounded(event.gun),
        role: bounded(event.role),
        keyId: bounded(event.keyId),
        detail: encodeDetail(event.detail),
        previous: head.hash,
    }
    return { ...unhashed, hash: hashRecord(unhashed) }
}

const DOMAIN = "trustkeyd audit record 1"
const ENCODER = new TextEncoder()

/**
 * TK-AUD-2. Every field is preceded by its length, so no two records have one encoding, and each hash covers the one before:
 * docs/formats/audit-record.md.
 */
export function hashRecord(record: Omit<AuditRow, "hash">): string {
    const { sequence, at, who, action, outcome, gun, role, keyId, detail, previous } = record
    const fields = [DOMAIN, String(sequence), at, who, action, outcome, gun, role, keyId, detail, previous]
    // One buffer, hashed at once: each signature waits for this, and twenty-two updates take twice the time.
    const bytes = new Uint8Array(fields.reduce((sum, field) => sum + 4 + Buffer.byteLength(field), 0))
    const view = new DataView(bytes.buffer)
    let end = 0
    for (const field of fields) {
        const { written } = ENCODER.encodeInto(field, bytes.subarray(end + 4))
        view.setUint32(end, written)
        end += 4 + written
    }
    return hash("sha256", bytes, "hex")
}

/** JSON without spaces, names in the order of their UTF-16 code units. Reading it and encoding it again gives the same text. */
export function encodeDetail(detail: AuditDetail): string {
    const members = new Map<string, string>()
    for (const [name, value] of Object.entries(detail)) {
        // JSON has no NaN and no infinity.
        const plain = typeof value === "number" && !Number.isFinite(value) ? String(value) : value
        members.set(bounded(name), JSON.stringify(typeof plain === "string" ? bounded(plain) : plain))
    }
    const names = [...members.keys()].sort()
    return `{${names.map((name) => `${JSON.stringify(name)}:${members.get(name)}`).join(",")}}`
}

/** @throws storage_failed when the row is no record at all. Whether it fits the chain is `hashRecord`'s question. */
export function parseRow(row: Row): AuditRow {
    return {
        sequence: integerOf(row, "sequence"),
        at: textOf(row, "at"),
        who: textOf(row, "who"),
        action: textOf(row, "action"),
        outcome: textOf(row, "outcome"),
        gun: textOf(row, "gun"),
        role: textOf(row, "role"),
        keyId: textOf(row, "keyId"),
        detail: textOf(row, "detail"),
        previous: textOf(row, "previous"),
        hash: textOf(row, "hash"),
    }
}

/** @throws audit_broken: time or detail are not what we write. */
export function decodeRow(row: AuditRow): AuditRecord {
    const at = new Date(row.at)
    if (Number.isNaN(at.getTime())) throw new TrustkeyError("audit_broken", `audit record ${row.sequence} has no readable time`)
    return { ...row, at, detail: parseDetail(row) }
}

function parseDetail(row: AuditRow): AuditDetail {
    const detail: Record<string, string | number | boolean> = Object.create(null)
    for (const [name, value] of Object.entries(parseObject(row))) {
        if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") throw unreadableDetail(row)
        detail[name] = value
    }
    return detail
}

function parseObject(row: AuditRow): object {
    try {
        const value: unknown = JSON.parse(row.detail)
        if (typeof value === "object" && value !== null) return value
    } catch {
        // The same answer as for JSON that is no object.
    }
    throw unreadableDetail(row)
}

function unreadableDetail(row: AuditRow): TrustkeyError {
    return new TrustkeyError("audit_broken", `audit record ${row.sequence} has no readable detail`)
}

/** What has no UTF-8 form would be stored as something else than was hashed. */
function bounded(text: string): string {
    return (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text).toWellFormed()
}
