/** How long, and how often, something unlocked may be used. */
export type Lease = {
    /** On the clock of the process; Infinity: until locked. */
    readonly deadline: number
    /** Infinity: no limit. */
    usesLeft: number
}

/** Zero stands for "no limit" in both, as on the wire. */
export function openLease(now: number, ttlMs: number, uses: number): Lease {
    return { deadline: ttlMs === 0 ? Number.POSITIVE_INFINITY : now + ttlMs, usesLeft: uses === 0 ? Number.POSITIVE_INFINITY : uses }
}

export function isOver(lease: Lease, now: number): boolean {
    return now >= lease.deadline || lease.usesLeft <= 0
}
