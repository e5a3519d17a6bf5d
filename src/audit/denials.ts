import type { AuditEvent } from "./record.ts"

const WINDOW_MS = 60_000

/** At most this many (who, action, code) are told apart in a window; the rest is counted together. */
const MAX_BUCKETS = 256

type Bucket = {
    /** As the summary will name it */
    readonly who: string
    readonly action: string
    readonly outcome: string
    readonly since: Date
    /** How many came after the one that was recorded at once */
    further: number
}

/**
 * Refusals are counted, so that a stranger who asks ten thousand times a second does not fill the disk: per (who, action,
 * code) the first of a minute is recorded at once, the others together when the minute is over.
 */
export class Denials {
    readonly #buckets = new Map<string, Bucket>()

    /** Whether this one has to be recorded now. Otherwise it was counted. */
    take(event: AuditEvent): boolean {
        const key = JSON.stringify([event.who, event.action, event.outcome])
        const full = !this.#buckets.has(key) && this.#buckets.size >= MAX_BUCKETS
        const bucket = this.#buckets.get(full ? "" : key)
        if (bucket !== undefined) {
            bucket.further += 1
            return false
        }
        const name = full ? { who: "others", action: "various", outcome: "various" } : event
        this.#buckets.set(full ? "" : key, { who: name.who, action: name.action, outcome: name.outcome, since: event.at, further: 0 })
        return true
    }

    /** When the oldest open window ends, in milliseconds from `now`. Undefined: none is open. */
    next(now: Date): number | undefined {
        const [oldest] = this.#buckets.values()
        return oldest === undefined ? undefined : Math.max(0, oldest.since.getTime() + WINDOW_MS - now.getTime())
    }

    /** Close the windows that are over, or all of them, and say what they counted. A clock set back ends a window too. */
    summaries(now: Date, all = false): AuditEvent[] {
        const events: AuditEvent[] = []
        for (const [key, bucket] of this.#buckets) {
            const age = now.getTime() - bucket.since.getTime()
            if (!all && age >= 0 && age < WINDOW_MS) continue
            this.#buckets.delete(key)
            if (bucket.further > 0) events.push(summary(bucket, now))
        }
        return events
    }
}

function summary(bucket: Bucket, now: Date): AuditEvent {
    const { who, action, outcome, since, further } = bucket
    const detail = { further, since: since.toISOString() }
    return { at: now, who, action, outcome, gun: "", role: "", keyId: "", detail }
}
