import { type AuditRow, type Change, Conflict, type Query, type Row, type Store } from "../../../src/storage/index.ts"

/** The audit part of a store, in an array anybody may tamper with. */
export class MemoryStore implements Store {
    records: AuditRow[] = []
    /** What the next commit fails with, and every one after it */
    failure: Error | undefined
    /** While set, commits wait for it. */
    gate: Promise<void> = Promise.resolve()
    reads = 0
    #last: Promise<void> = Promise.resolve()

    commit(changes: readonly Change[]): Promise<void> {
        const commit = this.#last.then(() => this.gate).then(() => this.#apply(changes))
        this.#last = commit.catch(() => {})
        return commit
    }

    async read(query: Query): Promise<readonly Row[]> {
        await this.#last
        this.reads += 1
        if (query.kind === "audit") return this.records.filter(({ sequence }) => sequence > query.after).slice(0, query.limit)
        if (query.kind === "audit-tail") return this.records.slice(Math.max(0, this.records.length - query.limit))
        if (query.kind === "audit-head") return this.records.slice(-1)
        throw new Error(`no ${query.kind} here`)
    }

    async close(): Promise<void> {
        await this.#last
    }

    #apply(changes: readonly Change[]): void {
        if (this.failure !== undefined) throw this.failure
        for (const change of changes) {
            if (change.kind !== "audit.append") throw new Error(`no ${change.kind} here`)
            const last = this.records.at(-1)
            const follows = change.sequence === (last?.sequence ?? 0) + 1 && change.previous === (last?.hash ?? "0".repeat(64))
            if (!follows) throw new Conflict(change)
            const { kind: _kind, ...row } = change
            this.records.push(row)
        }
    }
}
