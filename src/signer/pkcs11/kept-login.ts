import type { Secret } from "../../crypto/index.ts"
import { isOver, type Lease, openLease } from "../lease.ts"
import type { PinTries } from "../messages.ts"

/** What a login is given for. Zero: no limit. */
export type LoginTerms = { readonly ttlMs: number; readonly uses: number; readonly fromCredential: boolean }

/** `stay`, where PC/SC knows it: the card that is in the reader has been in it since. */
export type TokenName = { readonly serial: string; readonly label: string; readonly stay: string | undefined }

const TRIES: readonly PinTries[] = ["ok", "low", "final", "blocked"]

/** A login the token has accepted: for how long and how often, and the PIN for when the token wants it again. */
export class KeptLogin implements Disposable {
    readonly fromCredential: boolean
    readonly #token: TokenName
    /** Undefined: the token never wants it again, or a person typed it on a PIN pad. */
    readonly pin: Secret | undefined
    readonly #lease: Lease
    #tries: PinTries = "ok"

    private constructor(pin: Secret | undefined, { serial, label, stay }: TokenName, lease: Lease, fromCredential: boolean) {
        this.pin = pin
        this.fromCredential = fromCredential
        this.#token = { serial, label, stay }
        this.#lease = lease
    }

    /** From `now` on. Takes over `pin`. */
    static begin(pin: Secret | undefined, token: TokenName, { ttlMs, uses, fromCredential }: LoginTerms, now: number): KeptLogin {
        return new KeptLogin(pin, token, openLease(now, ttlMs, uses), fromCredential)
    }

    /** The same, after the token has accepted the same PIN again: what was used up stays so. Takes over `pin`. */
    again(pin: Secret | undefined): KeptLogin {
        return new KeptLogin(pin, this.#token, this.#lease, this.fromCredential)
    }

    /** TK-KEY-4: no other token than the one that accepted the PIN is told it, nor that one after somebody had it in his hands. */
    isOf({ serial, label, stay }: TokenName): boolean {
        return serial === this.#token.serial && label === this.#token.label && this.hasStayed(stay)
    }

    /** Whether the card is where it was when it accepted the PIN. */
    hasStayed(stay: string | undefined): boolean {
        return stay === this.#token.stay
    }

    /** What the token's flags said when it had accepted the PIN. */
    note(tries: PinTries): void {
        this.#tries = tries
    }

    /** Whether wrong PINs were tried since. */
    isWorse(tries: PinTries): boolean {
        return TRIES.indexOf(tries) > TRIES.indexOf(this.#tries)
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
