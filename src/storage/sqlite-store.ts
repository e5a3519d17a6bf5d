import { Worker } from "node:worker_threads"
import { TrustkeyError } from "../errors.ts"
import { encodeChange } from "./changes.ts"
import type { Operation, Outcome } from "./database.ts"
import { encodeQuery } from "./queries.ts"
import { type Change, Conflict, type Query, type Row, type Store } from "./store.ts"
import { type Answer, CLOSE, type WorkerData } from "./worker-messages.ts"

export type SqliteStoreOptions = {
    /** The state directory, locked by the caller. */
    readonly directory: string
    /** The program of the worker thread: `database-worker`, as TypeScript beside this file or bundled. */
    readonly workerFile: string
}

// A batch holds up its own first commit until its last is written. At this size the fsync no longer weighs.
const MAX_BATCH = 500

// While one batch is being synced the next already waits in the worker: it never idles for the event loop's sake.
const MAX_BATCHES_IN_FLIGHT = 2

/**
 * SQLite in a worker thread; its database is `trustkeyd.db` in the state directory, made on first use
 * (docs/formats/database.md).
 *
 * @throws state_newer: a newer trustkeyd wrote it; nothing was changed.
 * @throws state_in_use: another program has the database open.
 * @throws storage_failed: damaged, not ours, or the disk failed.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
    const workerData: WorkerData = { directory: options.directory }
    const worker = new Worker(options.workerFile, { workerData, name: "database", env: {} })
    const store = new SqliteStore(worker)
    await store.opened
    return store
}

type Waiting = {
    /** Undefined: the opening of the database, which the worker begins with by itself. */
    readonly operation?: Operation
    readonly settle: (outcome: Outcome) => void
    readonly reject: (error: Error) => void
}

class SqliteStore implements Store {
    /** Settles when the database is open, or can't be. */
    readonly opened: Promise<void>
    readonly #worker: Worker
    readonly #ended: Promise<void>
    #waiting: Waiting[] = []
    readonly #inFlight: (readonly Waiting[])[] = []
    #sending = false
    #closed = false
    #failure: TrustkeyError | undefined

    constructor(worker: Worker) {
        this.#worker = worker
        this.opened = new Promise((resolve, reject) => {
            this.#inFlight.push([{ settle: () => resolve(), reject }])
        })
        worker.on("message", (answer: Answer) => this.#receive(answer))
        worker.on("error", (error) => this.#fail(new TrustkeyError("storage_failed", "the database failed", { cause: error })))
        this.#ended = new Promise((resolve) => {
            worker.on("exit", () => {
                this.#fail(closedError())
                resolve()
            })
        })
    }

    commit(changes: readonly Change[]): Promise<void> {
        return new Promise((resolve, reject) => {
            const settle = (outcome: Outcome): void => {
                const conflict = typeof outcome === "number" ? changes[outcome] : undefined
                if (conflict === undefined) resolve()
                else reject(new Conflict(conflict))
            }
            this.#enqueue({ operation: changes.map(encodeChange), settle, reject })
        })
    }

    read(query: Query): Promise<readonly Row[]> {
        return new Promise((resolve, reject) => {
            const settle = (outcome: Outcome): void => resolve(outcome !== null && typeof outcome === "object" ? outcome : [])
            this.#enqueue({ operation: encodeQuery(query), settle, reject })
        })
    }

    async close(): Promise<void> {
        if (!this.#closed) {
            this.#closed = true
            this.#send()
        }
        await this.#ended
    }

    #enqueue(waiting: Waiting): void {
        if (this.#failure !== undefined || this.#closed) {
            waiting.reject(this.#failure ?? closedError())
            return
        }
        this.#waiting.push(waiting)
        if (this.#sending) return
        // Whatever else is committed in this turn travels along.
        this.#sending = true
        queueMicrotask(() => {
            this.#sending = false
            this.#send()
        })
    }

    #send(): void {
        while (this.#waiting.length > 0 && this.#inFlight.length < MAX_BATCHES_IN_FLIGHT) {
            const batch = this.#waiting.slice(0, MAX_BATCH)
            this.#waiting = this.#waiting.slice(MAX_BATCH)
            this.#inFlight.push(batch)
            this.#worker.postMessage(batch.map(({ operation }) => operation))
        }
        if (this.#closed && this.#waiting.length === 0 && this.#inFlight.length === 0) this.#worker.postMessage(CLOSE)
    }

    #receive(answer: Answer): void {
        if ("failed" in answer) {
            this.#fail(failureOf(answer.failed))
            return
        }
        const batch = this.#inFlight.shift() ?? []
        for (const [index, waiting] of batch.entries()) waiting.settle(answer.outcomes[index] ?? null)
        this.#send()
    }

    /** Nobody knows what is on the disk now: nothing more is accepted, and the reason stays the first one. */
    #fail(error: TrustkeyError): void {
        this.#failure ??= error
        const failure = this.#failure
        const abandoned = [...this.#inFlight.flat(), ...this.#waiting]
        this.#inFlight.length = 0
        this.#waiting = []
        for (const waiting of abandoned) waiting.reject(failure)
        void this.#worker.terminate()
    }
}

function closedError(): TrustkeyError {
    return new TrustkeyError("storage_failed", "the database is closed")
}

function failureOf(failed: { code: TrustkeyError["code"]; message: string; cause: string }): TrustkeyError {
    return new TrustkeyError(failed.code, failed.message, { cause: new Error(failed.cause) })
}
