import type { AuditLog } from "../audit/index.ts"
import type { Journal } from "../journal/index.ts"
import type { KeyStore, Turns } from "../keys/index.ts"
import type { Policy } from "../policy/index.ts"

/** What the operations share besides the rooms. */
export type Rooms = CustodyOptions & {
    /** What is built on a repository's newest documents must not see them change before it is released. */
    readonly turns: Turns
}

/** The rooms the operations use. */
export type CustodyOptions = {
    /** The policy now: a reload replaces it whole. */
    readonly policy: () => Policy
    readonly journal: Journal
    readonly keys: KeyStore
    readonly audit: AuditLog
    readonly now: () => Date
    /** Bytes of one `signed` value. */
    readonly maxPayloadBytes: number
    readonly maxTtlSeconds: number
    readonly version: string
    readonly startedAt: Date
}
