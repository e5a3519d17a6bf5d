import { TrustkeyError } from "../errors.ts"

const FREE_FAILURES = 2
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** More subjects than this are not remembered: the oldest goes. */
const MOST_SUBJECTS = 10_000

/** Slows down who guesses a passphrase: each further wrong one for the same subject costs twice the wait. */
export class BackOff {
    readonly #monotonic: () => number
    readonly #failures = new Map<string, { count: number; until: number }>()

    constructor(monotonic: () => number) {
        this.#monotonic = monotonic
    }

    /** @throws overloaded while the pause lasts; nothing was tried */
    check(subject: string): void {
        const left = (this.#failures.get(subject)?.until ?? 0) - this.#monotonic()
        if (left <= 0) return
        throw new TrustkeyError("overloaded", `too many wrong passphrases; try again in ${Math.ceil(left / 1000)} s`)
    }

    failed(subject: string): void {
        const count = (this.#failures.get(subject)?.count ?? 0) + 1
        const pause = count <= FREE_FAILURES ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (count - FREE_FAILURES - 1), LONGEST_PAUSE_MS)
        this.#failures.delete(subject)
        const oldest = this.#failures.size >= MOST_SUBJECTS ? this.#failures.keys().next() : undefined
        if (oldest?.done === false) this.#failures.delete(oldest.value)
        this.#failures.set(subject, { count, until: this.#monotonic() + pause })
    }

    succeeded(subject: string): void {
        this.#failures.delete(subject)
    }
}
