import { integerOf, type Row, textOf } from "../storage/index.ts"
import type { JournalEntry } from "./journal.ts"

export function entryOf(row: Row): JournalEntry {
    const state = row["voidedAt"] !== null ? "void" : row["signature"] !== null ? "signed" : "promised"
    return {
        sequence: integerOf(row, "sequence"),
        kind: textOf(row, "kind"),
        gun: textOf(row, "gun"),
        lineage: textOf(row, "lineage"),
        role: textOf(row, "role"),
        version: integerOf(row, "version"),
        sha256: textOf(row, "sha256"),
        keyId: textOf(row, "keyId"),
        state,
        promisedAt: textOf(row, "at"),
    }
}
