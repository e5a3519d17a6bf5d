import { TrustkeyError } from "../errors.ts"
import { Conflict, type Store, textOf } from "../storage/index.ts"

/** A backup that was made here; see backups.proto. Hashes are lowercase hex, times RFC 3339. */
export type BackupFacts = {
    readonly fingerprint: string
    readonly at: string
    readonly records: number
    /** Of the age file */
    readonly bytes: number
    readonly keys: number
    readonly keyFiles: number
    readonly without: number
    readonly repositories: number
    readonly recipients: readonly string[]
    readonly auditSequence: number
    readonly auditHead: string
}

/** A drill that was good. `receipt`: SHA-256 */
export type DrillFacts = {
    readonly fingerprint: string
    readonly at: string
    readonly keys: number
    readonly without: number
    readonly receipt: string
}

/** Which backups were made here and reached their file, and which drills were good. */
export interface BackupEvidence {
    readonly last: BackupFacts | undefined
    readonly lastDrill: DrillFacts | undefined
    /** It is on stable storage when this resolves. Again the same: nothing changes. */
    made(backup: BackupFacts): Promise<void>
    /** As `made`. Nothing changes either when a later one is known already: the age is the last one's. */
    drilled(drill: DrillFacts): Promise<void>
    /** Whether a backup was made here. */
    isKnown(fingerprint: string): Promise<boolean>
}

/** @throws storage_failed */
export async function openBackupEvidence(store: Store): Promise<BackupEvidence> {
    const [backup] = await store.read({ kind: "last-backup" })
    const [drill] = await store.read({ kind: "last-drill" })
    return new StoredEvidence(
        store,
        backup === undefined ? undefined : parseBackupFacts(textOf(backup, "facts")),
        drill === undefined ? undefined : parseDrillFacts(textOf(drill, "facts")),
    )
}

class StoredEvidence implements BackupEvidence {
    readonly #store: Store
    last: BackupFacts | undefined
    lastDrill: DrillFacts | undefined

    constructor(store: Store, last: BackupFacts | undefined, lastDrill: DrillFacts | undefined) {
        this.#store = store
        this.last = last
        this.lastDrill = lastDrill
    }

    async made(backup: BackupFacts): Promise<void> {
        if (await this.#insert({ kind: "backup.insert", fingerprint: backup.fingerprint, facts: JSON.stringify(backup) }))
            this.last = backup
    }

    async drilled(drill: DrillFacts): Promise<void> {
        if (this.lastDrill !== undefined && drill.at < this.lastDrill.at) return
        if (await this.#insert({ kind: "drill.insert", receipt: drill.receipt, facts: JSON.stringify(drill) })) this.lastDrill = drill
    }

    async isKnown(fingerprint: string): Promise<boolean> {
        return (await this.#store.read({ kind: "backup", fingerprint })).length > 0
    }

    async #insert(change: Parameters<Store["commit"]>[0][number]): Promise<boolean> {
        try {
            await this.#store.commit([change])
            return true
        } catch (error) {
            if (error instanceof Conflict) return false
            throw error
        }
    }
}

function parseBackupFacts(text: string): BackupFacts {
    const facts = parseObject(text)
    const recipients = facts["recipients"]
    return {
        fingerprint: textIn(facts, "fingerprint"),
        at: textIn(facts, "at"),
        records: numberIn(facts, "records"),
        bytes: numberIn(facts, "bytes"),
        keys: numberIn(facts, "keys"),
        keyFiles: numberIn(facts, "keyFiles"),
        without: numberIn(facts, "without"),
        repositories: numberIn(facts, "repositories"),
        recipients: Array.isArray(recipients) ? recipients.map(String) : [],
        auditSequence: numberIn(facts, "auditSequence"),
        auditHead: textIn(facts, "auditHead"),
    }
}

function parseDrillFacts(text: string): DrillFacts {
    const facts = parseObject(text)
    return {
        fingerprint: textIn(facts, "fingerprint"),
        at: textIn(facts, "at"),
        keys: numberIn(facts, "keys"),
        without: numberIn(facts, "without"),
        receipt: textIn(facts, "receipt"),
    }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
    try {
        const value: unknown = JSON.parse(text)
        if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value))
    } catch {
        // The same answer as for JSON that is no object.
    }
    throw damaged()
}

function textIn(facts: Readonly<Record<string, unknown>>, name: string): string {
    const value = facts[name]
    if (typeof value !== "string") throw damaged()
    return value
}

function numberIn(facts: Readonly<Record<string, unknown>>, name: string): number {
    const value = facts[name]
    if (typeof value !== "number") throw damaged()
    return value
}

function damaged(): TrustkeyError {
    return new TrustkeyError("storage_failed", "the database is damaged: what it says of a backup or a drill can't be read")
}
