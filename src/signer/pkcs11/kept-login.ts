import type { Secret } from "../../crypto/index.ts"
import { isOver, type Lease, openLease } from "../lease.ts"

/** What a login is given for. Zero: no limit. */
export type LoginTerms = { readonly ttlMs: number; readonly uses: number; readonly fromCredential: boolean }

/** A login the token has accepted: for how long and how often, and the PIN for when the token wants it again. */
export class KeptLogin implements Disposable {
    readonly fromCredential: boolean
    /** Of the token that accepted it: no other is told the PIN (TK-KEY-4). */
    readonly serial: string
    /** Undefined: the token never wants it again, or a person typed it on a PIN pad. */
    readonly pin: Secret | undefined
    readonly #lease: Lease

    /** Takes over `pin`. */
    constructor(pin: Secret | undefined, serial: string, terms: LoginTerms, now: number) {
        this.pin = pin
        this.serial = serial
        this.fromCredential = terms.fromCredential
        this.#lease = openLease(now, terms.ttlMs, terms.uses)
    }

    /** CLOCK_BOOTTIME in milliseconds; Infinity without a limit. */
    get deadline(): number {
        return this.#lease.deadline
    }

    /** Zero without a limit. */
    get usesLeft(): number {
        return Number.isFinite(this.#lease.usesLeft) ? this.#lease.usesLeft : 0
    }

    get isCounted(): boolean {
        return Number.isFinite(this.#lease.usesLeft)
    }

    isOver(now: number): boolean {
        return isOver(this.#lease, now)
    }

    /** Counted before the key is used: a use that fails half-way was one. */
    spend(): void {
        this.#lease.usesLeft -= 1
    }

    [Symbol.dispose](): void {
        this.pin?.[Symbol.dispose]()
    }
}
