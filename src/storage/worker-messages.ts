import type { ErrorCode } from "../errors.ts"
import type { Operation, Outcome } from "./database.ts"

/** Close the database and end. */
export const CLOSE = "close"

/** To the worker: a batch of operations, or the end. */
export type WorkerRequest = readonly Operation[] | typeof CLOSE

/** From the worker: once when the database is open, then once per batch, in order. After a failure it ends. */
export type Answer =
    | { readonly outcomes: readonly Outcome[] }
    | { readonly failed: { readonly code: ErrorCode; readonly message: string; readonly cause: string } }

export type WorkerData = { readonly directory: string }

export function parseWorkerData(value: unknown): WorkerData {
    if (typeof value === "object" && value !== null && "directory" in value && typeof value.directory === "string") {
        return { directory: value.directory }
    }
    throw new Error("the worker was started without a directory")
}
