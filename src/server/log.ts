/** One record for the daemon's log; the receiver adds the time. Never a secret, a payload or a signature. */
export type LogRecord = { readonly level: "info" | "warn" | "error"; readonly message: string; readonly [field: string]: unknown }
export type Log = (record: LogRecord) => void

const MINUTE = 60_000

/** Lets one of each kind through a minute and counts the rest, so that a stranger can't fill the disk. */
export class QuietLog {
    readonly #log: Log
    readonly #now: () => Date
    readonly #kinds = new Map<string, { since: number; suppressed: number }>()

    constructor(log: Log, now: () => Date) {
        this.#log = log
        this.#now = now
    }

    warn(message: string, facts: Readonly<Record<string, unknown>>): void {
        const now = this.#now().getTime()
        const last = this.#kinds.get(message)
        if (last !== undefined && now >= last.since && now < last.since + MINUTE) {
            last.suppressed += 1
            return
        }
        this.#kinds.set(message, { since: now, suppressed: 0 })
        this.#log({
            level: "warn",
            message,
            ...facts,
            ...(last === undefined || last.suppressed === 0 ? {} : { suppressed: last.suppressed }),
        })
    }
}
