import type { Session } from "graphene-pk11"
import type { Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { PinTries } from "../messages.ts"
import { KeptLogin, type LoginTerms, type TokenName } from "./kept-login.ts"
import { loginRequired } from "./login-refusal.ts"
import type { LoadedModule } from "./module.ts"
import { quietly } from "./quietly.ts"
import { judgeLogin, type LoginResult } from "./result-codes.ts"

const CKU_SO = 0
const CKU_USER = 1
const CKU_CONTEXT_SPECIFIC = 2
// Timers stand still while the machine sleeps, and CLOCK_BOOTTIME does not.
const SWEEP_MS = 5_000

export type TokenLoginOptions = {
    readonly announce: (event: object) => void
    /** Milliseconds, CLOCK_BOOTTIME. */
    readonly clock: () => number
    /** The login's time is over: the token has to end it. */
    readonly onOver: () => void
}

/**
 * Who is logged in at one token: the login that was given, whether the module's sessions have it now, and when it ends. It makes the calls; what
 * their outcome means for the token is the token's to say.
 */
export class TokenLogin {
    readonly #loaded: LoadedModule
    readonly #announce: (event: object) => void
    readonly #clock: () => number
    readonly #onOver: () => void
    #kept: KeptLogin | undefined
    /** The module's sessions are. */
    #isIn = false
    #sweep: NodeJS.Timeout | undefined

    constructor(loaded: LoadedModule, { announce, clock, onOver }: TokenLoginOptions) {
        this.#loaded = loaded
        this.#announce = announce
        this.#clock = clock
        this.#onOver = onOver
    }

    /** The login that goes on, whether the token knows of it now or not. */
    get kept(): KeptLogin | undefined {
        return this.#kept
    }

    /** Whether the module's sessions are logged in. */
    get isIn(): boolean {
        return this.#isIn
    }

    /** Zero without a limit, and without a login. */
    get usesLeft(): number {
        return this.#kept?.usesLeft ?? 0
    }

    /** One C_Login as the user; the caller has recorded the try. */
    tryPin(session: Session, pin: Secret | undefined): LoginResult {
        const result = this.#call(session, CKU_USER, pin)
        if (result !== "already") return result
        // Not a try: the module believed somebody was logged in (ykcs11 after a failed context login). Start from nothing.
        quietly(() => session.logout())
        return this.#call(session, CKU_USER, pin)
    }

    /** One C_Login as the security officer; the caller has recorded the try. */
    tryOfficer(session: Session, officer: Secret): LoginResult {
        return this.#call(session, CKU_SO, officer)
    }

    /** The token has accepted it. Takes over `pin`, for when the token wants it again. */
    accept(pin: Secret | undefined, token: TokenName, terms: LoginTerms | KeptLogin): void {
        this.#isIn = true
        this.#kept = terms instanceof KeptLogin ? terms.again(pin) : KeptLogin.begin(pin, token, terms, this.#clock())
        this.#scheduleSweep()
    }

    /**
     * The login CKA_ALWAYS_AUTHENTICATE asks for, between C_SignInit and C_Sign with nothing in between.
     *
     * @returns why it is not done, and the session of no use any more: login_required, token_failed; pin_incorrect, pin_blocked: that PIN is not
     *   to be tried a second time (TK-PIN-1)
     */
    tellAgain(session: Session): TrustkeyError | undefined {
        const pin = this.#kept?.pin
        if (pin === undefined) return new TrustkeyError("login_required", "this key wants the PIN for every signature; log in again")
        const result = this.#call(session, CKU_CONTEXT_SPECIFIC, pin)
        if (result === "ok") return undefined
        if (result === "other" || result === "already") return new TrustkeyError("token_failed", "the token lost its session; log in again")
        this.#announce({ event: "pin-refused" })
        quietly(() => session.logout())
        return new TrustkeyError(result === "blocked" ? "pin_blocked" : "pin_incorrect", "the token refused the PIN for this signature")
    }

    /** A use, before the key is used. @throws login_required when its time is over */
    spend(): void {
        if (this.endWhenOver()) throw loginRequired()
        this.#kept?.spend()
    }

    /** After a use: "last" when no other is left; undefined for a login that is not counted. */
    get counted(): "last" | "more" | undefined {
        if (this.#kept?.isCounted !== true) return undefined
        return this.#kept.usesLeft === 0 ? "last" : "more"
    }

    /** @returns whether its time was over */
    endWhenOver(): boolean {
        if (this.#kept?.isOver(this.#clock()) !== true) return false
        this.#onOver()
        return true
    }

    /** Whether wrong PINs were tried since the token accepted the one that is kept. */
    isWorse(tries: PinTries): boolean {
        return this.#kept?.isWorse(tries) === true
    }

    /**
     * The sessions go, and the login goes on.
     *
     * @returns false, and nothing has changed: a PIN that a person typed on the token itself can't be told again
     */
    leaveSessions(): boolean {
        if (this.#isIn && this.#kept?.pin === undefined) return false
        this.#isIn = false
        return true
    }

    /** C_Logout, if the module's sessions are logged in. */
    logOutOf(session: Session | undefined): void {
        if (this.#isIn) quietly(() => session?.logout())
    }

    /** Nothing of it stays: the PIN is wiped. */
    forget(): void {
        clearTimeout(this.#sweep)
        this.#kept?.[Symbol.dispose]()
        this.#kept = undefined
        this.#isIn = false
    }

    #call(session: Session, user: number, pin: Secret | undefined): LoginResult {
        if (pin === undefined) return judgeLogin(this.#loaded.login(session.handle, user, null))
        return pin.reveal((bytes) => judgeLogin(this.#loaded.login(session.handle, user, bytes)))
    }

    #scheduleSweep(): void {
        clearTimeout(this.#sweep)
        const deadline = this.#kept?.deadline ?? Number.POSITIVE_INFINITY
        if (deadline === Number.POSITIVE_INFINITY) return
        const left = Math.max(1, deadline - this.#clock())
        this.#sweep = setTimeout(
            () => {
                this.endWhenOver()
                this.#scheduleSweep()
            },
            Math.min(SWEEP_MS, left),
        )
    }
}
