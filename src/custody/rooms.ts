import type { AuditLog, BackupEvidence, BackupFacts } from "../audit/index.ts"
import type { Journal } from "../journal/index.ts"
import type { KeyStore, Turns } from "../keys/index.ts"
import type { Policy } from "../policy/index.ts"
import type { BackupSettings } from "./backup-settings.ts"

/** What the operations share besides the rooms. */
export type Rooms = CustodyOptions & {
    /** What is built on a repository's newest documents must not see them change before it is released. */
    readonly turns: Turns
    /** Nothing else runs while `work` does, but locking. @throws overloaded */
    readonly alone: <T>(work: () => Promise<T>) => Promise<T>
    /** Backups that were given out, and may not have reached their file. */
    readonly given: Map<string, BackupFacts>
}

/** The rooms the operations use. */
export type CustodyOptions = {
    /** The policy now: a reload replaces it whole. */
    readonly policy: () => Policy
    readonly journal: Journal
    readonly keys: KeyStore
    readonly audit: AuditLog
    readonly evidence: BackupEvidence
    /** A reload replaces them whole. */
    readonly backup: () => BackupSettings
    readonly now: () => Date
    /** Bytes of one `signed` value. */
    readonly maxPayloadBytes: number
    readonly maxTtlSeconds: number
    readonly version: string
    readonly startedAt: Date
}
