import { TrustkeyError } from "../errors.ts"
import type { Row } from "./store.ts"

/** @throws storage_failed when the column is not text: the database is damaged or the query was misunderstood. */
export function textOf(row: Row, column: string): string {
    const value = row[column]
    if (typeof value !== "string") throw unexpected(column)
    return value
}

/** A whole number within ±(2^53 - 1). @throws storage_failed */
export function integerOf(row: Row, column: string): number {
    const value = row[column]
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw unexpected(column)
    return value
}

/** @throws storage_failed */
export function bytesOf(row: Row, column: string): Uint8Array {
    const value = row[column]
    if (!(value instanceof Uint8Array)) throw unexpected(column)
    return value
}

/** Undefined for NULL. @throws storage_failed */
export function optionalBytesOf(row: Row, column: string): Uint8Array | undefined {
    return row[column] === null ? undefined : bytesOf(row, column)
}

function unexpected(column: string): TrustkeyError {
    return new TrustkeyError("storage_failed", `the database holds something unexpected in column ${column}`)
}
