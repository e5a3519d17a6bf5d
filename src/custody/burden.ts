import { TrustkeyError } from "../errors.ts"

/** What one user may have under way: far beyond a busy CI, far below what would bring the daemon down. */
const MOST_REQUESTS = 1024
const MOST_BYTES = 256 * 1024 * 1024

type Share = { requests: number; bytes: number }

/**
 * What is under way, by user. A request goes on after its caller has lost patience, since what is promised is finished; so a
 * token that does not answer would otherwise let whoever may use it pile up requests in memory.
 */
export class Burden {
    readonly #shares = new Map<number, Share>()

    /** @throws overloaded */
    async carry<T>(uid: number, request: unknown, work: () => Promise<T>): Promise<T> {
        const bytes = bytesIn(request)
        const share = this.#shares.get(uid) ?? { requests: 0, bytes: 0 }
        if (share.requests >= MOST_REQUESTS || share.bytes + bytes > MOST_BYTES) {
            throw new TrustkeyError("overloaded", "too much of yours is under way; wait until some of it is done")
        }
        this.#shares.set(uid, share)
        share.requests += 1
        share.bytes += bytes
        try {
            return await work()
        } finally {
            share.requests -= 1
            share.bytes -= bytes
            if (share.requests === 0) this.#shares.delete(uid)
        }
    }
}

/** The payloads of a request; what surrounds them is small, and bounded by the door. */
function bytesIn(value: unknown): number {
    if (value instanceof Uint8Array) return value.length
    if (Array.isArray(value)) return value.reduce<number>((sum, part) => sum + bytesIn(part), 0)
    if (typeof value !== "object" || value === null) return 0
    return Object.values(value).reduce<number>((sum, part) => sum + bytesIn(part), 0)
}
