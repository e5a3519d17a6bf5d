import { TrustkeyError } from "../errors.ts"

/** So long a change of everything waits for what runs: for a touch it would be too short, and whoever waits for one can be told to come back. */
const PATIENCE_MS = 30_000

/** Lets operations run side by side, or one alone. */
export class Gate {
    readonly #running = new Set<Promise<unknown>>()
    #closed: Promise<void> | undefined

    /** Runs at once, unless something has to be alone: then after that. */
    async pass<T>(work: () => Promise<T>): Promise<T> {
        while (this.#closed !== undefined) await this.#closed
        const run = work()
        this.#running.add(run)
        try {
            return await run
        } finally {
            this.#running.delete(run)
        }
    }

    /** What runs is waited for; what comes waits. @throws overloaded: it took too long, and nothing was begun */
    async alone<T>(work: () => Promise<T>): Promise<T> {
        if (this.#closed !== undefined) throw new TrustkeyError("overloaded", "a backup is being taken in already; try again")
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#closed = promise
        try {
            await this.#settled()
            return await work()
        } finally {
            this.#closed = undefined
            resolve()
        }
    }

    async #settled(): Promise<void> {
        const { promise: late, reject } = Promise.withResolvers<never>()
        const timer = setTimeout(() => {
            reject(
                new TrustkeyError(
                    "overloaded",
                    "something else has been running for too long, a touch that is waited for perhaps; try again when it is over",
                ),
            )
        }, PATIENCE_MS)
        try {
            await Promise.race([Promise.allSettled(this.#running), late])
        } finally {
            clearTimeout(timer)
        }
    }
}
