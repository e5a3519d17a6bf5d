import { TrustkeyError } from "../errors.ts"
import { Conflict, integerOf, type Store, textOf } from "../storage/index.ts"
import { Denials } from "./denials.ts"
import { type AuditEvent, type AuditHead, type AuditRecord, chainRecord, decodeRow, GENESIS, hashRecord, parseRow } from "./record.ts"

export type AuditVerdict = {
    readonly intact: boolean
    /** How many records, from the first, hold */
    readonly records: number
    /** The sequence at which the chain no longer holds: changed, missing, or not what the checkpoint says. 0 when intact. */
    readonly brokenAt: number
    /** The hash of the last record that holds; 64 zeros when there is none */
    readonly head: string
}

export interface AuditLog {
    /**
     * TK-AUD-1: the record is on stable storage when this resolves. The order of calls is the order of the chain; many may be in
     * flight. An answer waits for this.
     *
     * @throws storage_failed: it may have been written or not; nothing is appended any more.
     * @throws audit_broken: somebody else wrote to the chain; nothing is appended any more.
     */
    append(event: AuditEvent): Promise<AuditRecord>

    /**
     * A refusal. The first of a minute for (who, action, outcome) is a record like any other; the ones after it are counted, and resolve
     * at once. The count becomes one record at the minute's end or on `close`; a crash in between loses the count.
     *
     * @throws as append
     */
    denied(event: AuditEvent): Promise<void>

    /** Ascending, at most 1000. @throws storage_failed; audit_broken for a record that can't be read */
    list(after: number, limit: number): Promise<readonly AuditRecord[]>

    /** The last ones, ascending, at most 1000. @throws as list */
    newest(limit: number): Promise<readonly AuditRecord[]>

    /**
     * TK-AUD-2: read the whole chain, a page at a time, up to at least the records on disk at the call. A cut-off end
     * shows only against something kept: `checkpoint`, or what this process has itself seen.
     *
     * @throws storage_failed
     */
    verify(checkpoint?: AuditHead): Promise<AuditVerdict>

    /** The last record on stable storage. Kept elsewhere it is a checkpoint. */
    readonly head: AuditHead

    /** Writes down what was counted. The store stays open; it is the caller's. @throws as append */
    close(): Promise<void>
}

const PAGE = 1000

/** @throws storage_failed; audit_broken when the last record's hash is not a hash */
export async function openAuditLog(store: Store, now: () => Date): Promise<AuditLog> {
    const [row] = await store.read({ kind: "audit-head" })
    const head = row === undefined ? GENESIS : { sequence: integerOf(row, "sequence"), hash: textOf(row, "hash") }
    if (!/^[0-9a-f]{64}$/.test(head.hash)) throw new TrustkeyError("audit_broken", "the last audit record has no readable hash")
    return new ChainedLog(store, now, head)
}

class ChainedLog implements AuditLog {
    readonly #store: Store
    readonly #now: () => Date
    readonly #denials = new Denials()
    /** On disk */
    #head: AuditHead
    /** What the next record follows: it need not be on disk yet, as the store keeps the order and nothing follows a failure. */
    #tip: AuditHead
    #timer: NodeJS.Timeout | undefined

    constructor(store: Store, now: () => Date, head: AuditHead) {
        this.#store = store
        this.#now = now
        this.#head = head
        this.#tip = head
    }

    get head(): AuditHead {
        return this.#head
    }

    append(event: AuditEvent): Promise<AuditRecord> {
        this.#recordEndedWindows()
        return this.#append(event)
    }

    async denied(event: AuditEvent): Promise<void> {
        this.#recordEndedWindows()
        if (this.#denials.take(event)) await this.#append(event)
        this.#schedule()
    }

    async list(after: number, limit: number): Promise<readonly AuditRecord[]> {
        const rows = await this.#store.read({ kind: "audit", after, limit: Math.min(limit, PAGE) })
        return rows.map((row) => decodeRow(parseRow(row)))
    }

    async newest(limit: number): Promise<readonly AuditRecord[]> {
        const rows = await this.#store.read({ kind: "audit-tail", limit: Math.min(limit, PAGE) })
        return rows.map((row) => decodeRow(parseRow(row)))
    }

    async verify(checkpoint: AuditHead = GENESIS): Promise<AuditVerdict> {
        const seen = this.#head
        let last = GENESIS
        const broken = (): AuditVerdict => ({ intact: false, records: last.sequence, brokenAt: last.sequence + 1, head: last.hash })
        if (!fits(last, checkpoint)) return broken()
        for (;;) {
            const rows = await this.#store.read({ kind: "audit", after: last.sequence, limit: PAGE })
            for (const row of rows) {
                const record = parseRow(row)
                if (record.sequence !== last.sequence + 1 || record.previous !== last.hash || record.hash !== hashRecord(record))
                    return broken()
                const next = { sequence: record.sequence, hash: record.hash }
                if (!fits(next, checkpoint) || !fits(next, seen)) return broken()
                last = next
            }
            if (rows.length < PAGE) break
        }
        if (last.sequence < Math.max(checkpoint.sequence, seen.sequence)) return broken()
        return { intact: true, records: last.sequence, brokenAt: 0, head: last.hash }
    }

    async close(): Promise<void> {
        clearTimeout(this.#timer)
        await Promise.all(this.#denials.summaries(this.#now(), true).map((event) => this.#append(event)))
    }

    async #append(event: AuditEvent): Promise<AuditRecord> {
        const row = chainRecord(this.#tip, event)
        this.#tip = { sequence: row.sequence, hash: row.hash }
        try {
            await this.#store.commit([{ kind: "audit.append", ...row }])
        } catch (error) {
            if (!(error instanceof Conflict)) throw error
            // From here on no condition can hold, so the chain never gets a fork or a gap.
            throw new TrustkeyError("audit_broken", "the audit chain does not end where this process left it", { cause: error })
        }
        this.#head = { sequence: row.sequence, hash: row.hash }
        return decodeRow(row)
    }

    #recordEndedWindows(): void {
        for (const event of this.#denials.summaries(this.#now())) {
            // A failure here is a failure of whatever is appended next, and that one has somebody to tell.
            this.#append(event).catch(() => {})
        }
    }

    #schedule(): void {
        const wait = this.#denials.next(this.#now())
        if (this.#timer !== undefined || wait === undefined) return
        this.#timer = setTimeout(() => {
            this.#timer = undefined
            this.#recordEndedWindows()
            this.#schedule()
        }, wait + 1)
        this.#timer.unref()
    }
}

/** Only the record of the same sequence can contradict it. */
function fits(record: AuditHead, kept: AuditHead): boolean {
    return record.sequence !== kept.sequence || record.hash === kept.hash
}
