import { timingSafeEqual } from "node:crypto"
import type { Secret, SecretInbox } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Surroundings } from "../child.ts"
import { readCredential } from "../credential.ts"
import type { Fields } from "../fields.ts"
import { FrameError } from "../frames.ts"
import { parseContext, parsePublicKey, parseSealed, type TokenSnapshot } from "../messages.ts"
import { fingerprint, markOf } from "./fingerprint.ts"
import { KeptLogin, type LoginTerms } from "./kept-login.ts"
import { loginRefusal, loginRequired, notAPin } from "./login-refusal.ts"
import type { Token } from "./token.ts"

type Pin = { readonly pin: Secret | undefined; readonly terms: LoginTerms | KeptLogin }
/** `session`: with the token that was looked at. */
type PreparedLogin = Pin & { readonly session: Token["session"] }

/** A login in two halves, since what is about to be tried is written down in between, by the parent. */
export class Logins {
    readonly #token: Token
    readonly #inbox: SecretInbox
    readonly #credentials: string | undefined
    readonly #pinCredential: string | undefined
    #prepared: PreparedLogin | undefined

    constructor(surroundings: Surroundings, configuration: Fields, token: Token) {
        this.#token = token
        this.#inbox = surroundings.inbox
        this.#credentials = configuration.has("credentialsDirectory") ? configuration.text("credentialsDirectory") : undefined
        this.#pinCredential = configuration.has("pinCredential") ? configuration.text("pinCredential") : undefined
    }

    /**
     * First half of a login: have the PIN, refuse what must not be tried, and give the parent what it has to write down
     * before anything is tried (TK-PIN-1).
     */
    async prepare(request: Fields): Promise<object> {
        this.forget()
        this.#token.lookAnew()
        this.#token.run(() => undefined)
        const token = this.#token.refresh()
        // One with its last try was let go of again at once, for other programs.
        this.#token.run(() => undefined)
        const { session } = this.#token
        // Whoever types the PIN, or says for how long, begins a login anew: a time that is running is not made longer by a PIN nobody tried.
        const isAsked = request.has("sealed") || request.integer("ttlMs") + request.integer("uses") > 0
        if (this.#token.isLoggedIn && !isAsked) return { needed: false, token }
        for (const known of request.has("keys") ? request.list("keys") : []) {
            this.#token.checkShown(known.bytes("id"), parsePublicKey(known.fields("publicKey")))
        }
        const prepared = request.has("again") ? this.#again(token) : this.#readPin(request, token.pinPad)
        try {
            if (token.tries === "blocked") throw loginRefusal("blocked", "blocked")
            if (token.tries === "final" && !request.flag("evenFinalTry")) {
                throw new TrustkeyError("pin_final_try", "one try is left before the PIN is blocked; say so explicitly to use it")
            }
            if (prepared.pin !== undefined && !this.#token.fitsPin(prepared.pin.length)) throw notAPin()
            const refused = request.has("refused") ? request.fields("refused") : undefined
            if (refused !== undefined && prepared.pin !== undefined) {
                const before = await fingerprint(prepared.pin, refused.bytes("salt"))
                if (timingSafeEqual(before, sameLength(refused.bytes("fingerprint"), before))) {
                    throw new TrustkeyError(
                        "pin_refused_before",
                        "the token has refused this value before; it is not tried again until it changes",
                    )
                }
            }
            const mark = await markOf(prepared.pin)
            this.#prepared = { ...prepared, session }
            const { fromCredential } = prepared.terms
            return { needed: true, fromCredential, ...mark, token }
        } catch (error) {
            prepared.pin?.[Symbol.dispose]()
            throw error
        }
    }

    /**
     * The PIN that the token has accepted before, for as long as that login goes on.
     *
     * TK-PIN-1: nobody types it now, so it is worth no try that might be one of the last: somebody else has had wrong ones meanwhile, or
     * the PIN is another by now.
     */
    #again(token: TokenSnapshot): Pin {
        const { keptLogin } = this.#token
        if (keptLogin?.pin === undefined) throw loginRequired()
        if (token.tries === "ok") return { pin: keptLogin.pin.clone(), terms: keptLogin }
        this.#token.logout()
        this.#token.refresh()
        throw new TrustkeyError("login_required", "the token has had wrong PINs meanwhile; nobody is logged in any more, log in again")
    }

    #readPin(request: Fields, pinPad: boolean): Pin {
        const limits = { ttlMs: request.integer("ttlMs"), uses: request.integer("uses") }
        // TK-SEC-2: sealed for this process; nobody on the way could read it.
        if (request.has("sealed")) {
            const pin = this.#inbox.open(parseContext(request.fields("context")), parseSealed(request.fields("sealed")))
            return { pin, terms: { ...limits, fromCredential: false } }
        }
        if (this.#pinCredential !== undefined) {
            return { pin: readCredential(this.#credentials, this.#pinCredential), terms: { ...limits, fromCredential: true } }
        }
        if (pinPad) return { pin: undefined, terms: { ...limits, fromCredential: false } }
        throw loginRequired()
    }

    /**
     * Second half: the try itself.
     *
     * @throws token_busy, login_required: it was not made, for the token or the login is not the one that it was prepared for
     */
    login(): object {
        const prepared = this.#prepared
        this.#prepared = undefined
        if (prepared === undefined) throw new FrameError("login before prepare-login")
        using _ = prepared.pin
        // Its time may have ended while the try was written down.
        if (prepared.terms instanceof KeptLogin && prepared.terms !== this.#token.keptLogin) throw loginRequired()
        this.#token.requireSame(prepared.session)
        const result = this.#token.login(prepared.pin, prepared.terms)
        const { snapshot } = this.#token
        if (result !== "ok") throw loginRefusal(result, snapshot.tries)
        return { token: snapshot, credentialConfirmed: prepared.terms.fromCredential || this.#isCredential(prepared.pin) }
    }

    /** Whether a typed PIN is what the credential holds: then a refusal recorded for the credential was a crash, not a refusal. */
    #isCredential(pin: Secret | undefined): boolean {
        if (pin === undefined || this.#pinCredential === undefined) return false
        try {
            using credential = readCredential(this.#credentials, this.#pinCredential)
            return credential.equals(pin)
        } catch {
            return false
        }
    }

    /** Between the two halves of a login: the token is to stay open for the second. */
    get isPrepared(): boolean {
        return this.#prepared !== undefined
    }

    forget(): void {
        this.#prepared?.pin?.[Symbol.dispose]()
        this.#prepared = undefined
    }
}

function sameLength(stored: Buffer, other: Buffer): Buffer {
    // A record without a fingerprint (a PIN pad's) equals nothing: its first byte is made to differ.
    return stored.length === other.length ? stored : Buffer.from(other.map((byte) => byte ^ 0xff))
}
