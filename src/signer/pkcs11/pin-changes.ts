import type { Secret, SecretInbox } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Surroundings } from "../child.ts"
import { readCredential } from "../credential.ts"
import type { Fields } from "../fields.ts"
import { FrameError } from "../frames.ts"
import { parseContext, parseSealed, type TokenSnapshot } from "../messages.ts"
import type { UseCard } from "../piv/piv-operations.ts"
import { markOf } from "./fingerprint.ts"
import { loginRefusal, notAPin } from "./login-refusal.ts"
import type { Token } from "./token.ts"

/** By the PIN there is, or with the PUK or the security officer's PIN. */
type How = "change" | "unblock"

type Prepared = {
    readonly how: How
    readonly shown: Secret
    readonly next: Secret
    readonly evenFinalTry: boolean
    /** With the token that was looked at. */
    readonly session: Token["session"]
}

/**
 * A new PIN, in two halves as a login: what is shown for it is a try like any (TK-PIN-1). YubiKeys are asked through PC/SC, since their modules
 * know no PUK, all others with C_SetPIN, or C_InitPIN by the security officer.
 */
export class PinChanges {
    readonly #token: Token
    readonly #inbox: SecretInbox
    readonly #useCard: UseCard
    readonly #credentials: string | undefined
    readonly #pinCredential: string | undefined
    #prepared: Prepared | undefined

    constructor(surroundings: Surroundings, configuration: Fields, token: Token, useCard: UseCard) {
        this.#token = token
        this.#inbox = surroundings.inbox
        this.#useCard = useCard
        this.#credentials = configuration.has("credentialsDirectory") ? configuration.text("credentialsDirectory") : undefined
        this.#pinCredential = configuration.has("pinCredential") ? configuration.text("pinCredential") : undefined
    }

    /** First half: refuse what can't be, and give the parent what it has to write down. Of the credential too, whose value is not the PIN soon. */
    async prepare(request: Fields): Promise<object> {
        this.forget()
        const how = request.oneOf("how", ["change", "unblock"])
        const open = (name: string): Secret => {
            const fields = request.fields(name)
            return this.#inbox.open(parseContext(fields.fields("context")), parseSealed(fields.fields("sealed")))
        }
        using stack = new DisposableStack()
        const shown = stack.use(open("shown"))
        const next = stack.use(open("next"))
        this.#token.run(() => undefined)
        const token = this.#token.refresh()
        // One that waits to be unblocked was let go of again at once, for other programs.
        const session = this.#token.run((opened) => opened)
        const evenFinalTry = request.flag("evenFinalTry")
        if (how === "change" && shown.equals(next)) throw new TrustkeyError("invalid_request", "the new PIN is the one there is")
        // A YubiKey's own are checked where it is asked, with the numbers the card says.
        if (token.kind !== "yubikey") this.#check(how, shown, next, token, evenFinalTry)
        const mark = await markOf(shown)
        const credential = await this.#outdated(next)
        stack.move()
        this.#prepared = { how, shown, next, evenFinalTry, session }
        return { token, ...mark, ...(credential === undefined ? {} : { credential }) }
    }

    #check(how: How, shown: Secret, next: Secret, token: TokenSnapshot, evenFinalTry: boolean): void {
        const tries = how === "change" ? token.tries : this.#token.officerTries
        if (tries === "blocked") throw how === "change" ? loginRefusal("blocked", "blocked") : officerRefusal("blocked")
        if (tries === "final" && !evenFinalTry) {
            throw new TrustkeyError("pin_final_try", "one try is left; say so explicitly to use it")
        }
        if (!this.#token.fitsPin(next.length)) throw unfit()
        if (how === "change" && !this.#token.fitsPin(shown.length)) throw notAPin()
    }

    async #outdated(next: Secret): Promise<object | undefined> {
        if (this.#pinCredential === undefined) return undefined
        try {
            using credential = readCredential(this.#credentials, this.#pinCredential)
            return credential.equals(next) ? undefined : await markOf(credential)
        } catch {
            return undefined
        }
    }

    /** Second half: the try, and the change. Nobody is logged in afterwards. */
    apply(): object {
        const prepared = this.#prepared
        this.#prepared = undefined
        if (prepared === undefined) throw new FrameError("a change before it was prepared")
        using _ = new DisposableStack()
        _.use(prepared.shown)
        _.use(prepared.next)
        this.#token.requireSame(prepared.session)
        // The PIN that is kept is none any more.
        const { kind } = this.#token.snapshot
        this.#token.logout()
        try {
            if (kind === "yubikey") this.#onCard(prepared)
            else if (prepared.how === "change") this.#change(prepared)
            else this.#unblock(prepared)
        } finally {
            // A module that knew the card before says what it knew of the tries.
            this.#token.startOver()
        }
        return { token: this.#token.refresh() }
    }

    #onCard({ how, shown, next, evenFinalTry }: Prepared): void {
        this.#useCard((card) => {
            if (how === "change") card.changePin(shown, next, evenFinalTry)
            else card.unblockPin(shown, next, evenFinalTry)
        })
    }

    #change({ shown, next }: Prepared): void {
        const result = this.#token.setPin(shown, next)
        if (result === "ok") return
        // The old one was of a length that a PIN can have, so it is the new one that is not taken.
        if (result === "impossible") throw unfit()
        throw loginRefusal(result, this.#token.refresh().tries)
    }

    #unblock({ shown, next }: Prepared): void {
        const { login, change } = this.#token.resetPin(shown, next)
        if (login !== "ok") {
            this.#token.refresh()
            throw officerRefusal(login === "incorrect" && this.#token.officerTries === "blocked" ? "blocked" : login)
        }
        if (change === "impossible" || change === "incorrect") throw unfit()
        if (change !== "ok") throw new TrustkeyError("token_failed", "the token did not set the new PIN")
    }

    /** Between the two halves: the token is to stay open for the second. */
    get isPrepared(): boolean {
        return this.#prepared !== undefined
    }

    forget(): void {
        this.#prepared?.shown[Symbol.dispose]()
        this.#prepared?.next[Symbol.dispose]()
        this.#prepared = undefined
    }
}

function unfit(): TrustkeyError {
    return new TrustkeyError("invalid_request", "the token does not take this as a new PIN: its length or its characters; no try was spent")
}

function officerRefusal(result: string): TrustkeyError {
    if (result === "blocked") return new TrustkeyError("puk_blocked", "the security officer's PIN is blocked; nothing unblocks this token")
    if (result === "incorrect" || result === "impossible")
        return new TrustkeyError("puk_incorrect", "the security officer's PIN is not right")
    return new TrustkeyError("token_failed", "the token failed during the security officer's login")
}
