import { type Session, SessionFlag, type SessionObject, type Slot, SlotFlag } from "graphene-pk11"
import type { Algorithm, PublicKeyBytes, Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { ABSENT_TOKEN, type PinTries, samePublicKey, type TokenSnapshot } from "../messages.ts"
import type { KnownPolicies, TouchPolicy } from "../piv/description.ts"
import type { CardName } from "../piv/find-card.ts"
import type { Readers } from "../piv/readers.ts"
import type { Pkcs11Uri } from "../pkcs11-uri.ts"
import type { Profile, ProfiledSlot } from "../profile.ts"
import { familyOf, type ModuleFamily, type Quirks, type QuirksOverride } from "../quirks.ts"
import { CardWatch, type ReaderOf } from "./card-watch.ts"
import type { KeptLogin, LoginTerms, TokenName } from "./kept-login.ts"
import { type LoadedModule, tryInitialize } from "./module.ts"
import { CKA_ALWAYS_AUTHENTICATE, CKO_PRIVATE_KEY, findObjects, readFlag, readShownKey } from "./objects.ts"
import { quietly } from "./quietly.ts"
import { judge, judgeLogin, type LoginResult, resultCode } from "./result-codes.ts"
import { Slots } from "./slots.ts"
import { NO_TOKEN_INFO, readTokenInfo, type TokenInfo } from "./token-info.ts"
import { TokenLogin } from "./token-login.ts"

// Reading an attribute of ten thousand objects takes half a second; with that many we keep the PIN unasked.
const MOST_KEYS_TO_ASK = 256
// gpg's scdaemon, ykman and docker's own client want a YubiKey too, some of them for themselves.
const YUBIKEY_RELEASE_MS = 10_000

export type TokenOptions = {
    readonly uri: Pkcs11Uri
    readonly announce: (event: object) => void
    readonly giveUp: () => void
    /** After so long without use other programs shall have the token; zero: never. Undefined: 10 s for YubiKeys, never for others. */
    readonly releaseAfterMs: number | undefined
    /** Milliseconds, CLOCK_BOOTTIME. */
    readonly clock: () => number
    readonly readerOf: ReaderOf
    /** What a quirks file says. */
    readonly override: QuirksOverride | undefined
    readonly readers: Readers
}

/** A private key found, checked against its pinned public key, and ready to sign in this session. */
export type TokenKey = {
    readonly object: Buffer
    readonly algorithm: Algorithm
    readonly alwaysAuthenticate: boolean
    /** Undefined: not known. */
    readonly touchPolicy: TouchPolicy | undefined
}

/**
 * One token, by its URI, and what a failure does to it. The way back is always the same and never half: drop sessions,
 * finalize, initialize, list the slots, look everything up again. What does not come back that way needs a new process.
 */
export class Token {
    /** By the handle the parent knows. Empty after every reopening (TK-KEY-4): serial and public key are checked anew. */
    readonly keys = new Map<number, TokenKey>()
    readonly #loaded: LoadedModule
    readonly #uri: Pkcs11Uri
    readonly #announce: (event: object) => void
    readonly #giveUp: () => void
    readonly #card: CardWatch
    readonly #releaseAfterMs: number | undefined
    readonly #slots: Slots
    readonly #override: QuirksOverride | undefined
    readonly #login: TokenLogin
    #session: Session | undefined
    /** What the slots held when the session was opened. */
    #held = ""
    #snapshot: TokenSnapshot = ABSENT_TOKEN
    #hasWorked = false
    #info: TokenInfo = NO_TOKEN_INFO

    constructor(loaded: LoadedModule, { uri, announce, giveUp, clock, readerOf, readers, releaseAfterMs, override }: TokenOptions) {
        this.#override = override
        this.#loaded = loaded
        this.#slots = new Slots(loaded)
        this.#uri = uri
        this.#announce = announce
        this.#giveUp = giveUp
        this.#card = new CardWatch(readers, readerOf)
        this.#releaseAfterMs = releaseAfterMs
        this.#login = new TokenLogin(loaded, { announce, clock, onOver: () => this.#end() })
    }

    get snapshot(): TokenSnapshot {
        return this.#snapshot
    }

    get isUsable(): boolean {
        return this.#session !== undefined && (this.#login.isIn || !this.#info.loginRequired)
    }

    get isLoggedIn(): boolean {
        return this.#login.isIn
    }

    get slot(): Slot {
        return this.#open().slot
    }

    /** Of the token that was opened last: what is known of its module's family, and what a quirks file says of this very token. */
    get quirks(): Quirks {
        return this.#info.quirks
    }

    get family(): ModuleFamily {
        const { module } = this.#loaded
        return familyOf({ manufacturer: module.manufacturerID, description: module.libraryDescription })
    }

    /** Whether a signature with this key needs a login of its own. */
    asksEachTime(key: SessionObject): boolean {
        return this.#info.quirks.contextLogin === "always" || readFlag(key, CKA_ALWAYS_AUTHENTICATE)
    }

    /** What a key of a card demands for a signature: ykcs11 says of the key in 9c alone that it wants the PIN each time. */
    demandsOf(key: SessionObject, { pinPolicy, touchPolicy }: KnownPolicies): Pick<TokenKey, "alwaysAuthenticate" | "touchPolicy"> {
        return { alwaysAuthenticate: pinPolicy === "always" || this.asksEachTime(key), touchPolicy }
    }

    /** All slots of the module, those without a token too. */
    get slots(): readonly ProfiledSlot[] {
        return this.#slots.describeAll()
    }

    /**
     * How the module takes C_Initialize: with nothing, as we do it, and again. Everything held is let go of; undefined while a
     * login goes on, for it would end that.
     */
    tryInitialize(): Profile["initialize"] {
        if (this.keptLogin !== undefined) return undefined
        this.lose()
        return tryInitialize(this.#loaded)
    }

    /** What the flags say of the security officer's PIN. */
    get officerTries(): PinTries {
        return this.#info.officerTries
    }

    /** Whether the token part of `uri` names this token. */
    matches(uri: Pkcs11Uri): boolean {
        return this.#slots.fits(uri, this.slot)
    }

    /**
     * The card, when it is to be spoken to without PKCS#11: it has one owner, so nothing of this module's is left.
     *
     * @throws token_absent. invalid_request: it is no YubiKey
     */
    handOver(): CardName {
        this.#open()
        const { manufacturer, serial } = this.#snapshot
        const { reader } = this.#card
        if (reader === undefined) throw new TrustkeyError("invalid_request", "this token is not a YubiKey that PC/SC knows")
        if (!this.release()) this.lose()
        // Yubico's module shows the serial number that is printed on the card.
        return { reader, serial: manufacturer.startsWith("Yubico") ? serial : undefined }
    }

    /** Do something in the session, opening it when needed. Every failure of the module is judged here. @throws TrustkeyError */
    run<T>(work: (session: Session) => T): T {
        const session = this.#open()
        try {
            return work(session)
        } catch (error) {
            throw this.fail(error)
        }
    }

    /** Apply what a failed call means, and say it as an error for the caller. */
    fail(error: unknown): TrustkeyError {
        if (error instanceof TrustkeyError) return error
        const { consequence, error: answer } = judge(resultCode(error), error)
        if (consequence === "none") return answer
        if (consequence === "logged-out") {
            this.#forgetLogin()
            this.#update()
            return answer
        }
        this.lose()
        try {
            this.#open()
        } catch (second) {
            return second instanceof TrustkeyError ? second : answer
        }
        return new TrustkeyError("token_failed", "the token lost its session; log in again", { cause: error })
    }

    /**
     * TK-KEY-4: what the token shows before anybody has logged in is not another key than the one that is known for the id. Some show
     * nothing then; a PIV card shows every key that can be used, so one that shows none is another.
     *
     * @throws token_changed
     */
    checkShown(id: Uint8Array, publicKey: PublicKeyBytes): void {
        const shown = this.run((session) => readShownKey(session, id))
        if (shown === undefined ? this.#info.quirks.keyIds === "free" : samePublicKey(shown, publicKey)) return
        this.logout()
        const what = shown === undefined ? "no key" : "another public key for it"
        throw new TrustkeyError("token_changed", `this is not the token the key was enrolled on: it shows ${what}`)
    }

    /** Another one than before: the token was opened anew, and may be another. */
    get session(): Session | undefined {
        return this.#session
    }

    /**
     * TK-KEY-4: what was found out about the token counts for as long as it stays open and where it is. It may have been exchanged while a
     * try was written down, and a module may go on with whatever card is in the reader now.
     *
     * @throws token_busy: and no try was made
     */
    requireSame(session: Session | undefined): void {
        if (session !== undefined && session === this.#session && this.#isSurelySame()) return
        this.startOver()
        throw new TrustkeyError("token_busy", "the token was opened anew meanwhile, and the PIN was not tried; try again")
    }

    #isSurelySame(): boolean {
        try {
            return this.#isSame()
        } catch {
            return false
        }
    }

    /** The login that goes on, whether the token knows of it now or not. */
    get keptLogin(): KeptLogin | undefined {
        return this.#login.kept
    }

    /** Look at the token as it is now. A slot list that changed means nothing held before can be trusted (an evil twin, a swap). */
    refresh(mayLetGo = true): TokenSnapshot {
        try {
            if (mayLetGo && this.#waitsForOthers) {
                this.#dropKeys()
                this.#close()
            } else if (this.#session === undefined && this.#isAsItWas()) return this.#snapshot
            if (this.#session !== undefined && !this.#isSame()) this.lose()
            this.#open()
            this.#readToken()
            if (mayLetGo && this.#waitsForOthers) this.release()
        } catch (error) {
            this.fail(error)
        }
        return this.#snapshot
    }

    /**
     * Another program may unblock the PIN, or show the right one, and needs the card for that. ykcs11 notices when it opens the card anew
     * (2.2.0).
     */
    get #waitsForOthers(): boolean {
        const { state, tries } = this.#snapshot
        return this.keptLogin === undefined && state !== "absent" && (tries === "blocked" || tries === "final")
    }

    /**
     * Let other programs have the token. The login goes on: when it is used next, whoever wrote down the try has the PIN told again.
     *
     * @returns whether it was done: a PIN that a person typed on the token itself can't be told again
     */
    release(): boolean {
        if (!this.#login.leaveSessions()) return false
        this.#dropKeys()
        this.#close()
        this.#setSnapshot({ ...this.#snapshot, released: true })
        return true
    }

    /** Whether nothing has happened to a token that nothing is open of. The module is asked only when PC/SC doesn't know: others have the card. */
    #isAsItWas(): boolean {
        const { state, released, serial, label } = this.#snapshot
        // What failed may work by now.
        if (state === "failed") return false
        const look = this.#card.lookAgain(state === "absent")
        if (look === undefined) return released && state !== "absent" && this.#shows(serial, label)
        if (this.keptLogin?.hasStayed(look.stay) === false) this.#forgetLogin()
        this.#setSnapshot({ ...this.#snapshot, taken: look.isTaken })
        return !look.isWorthOpening
    }

    /** A short look. */
    #shows(serial: string, label: string): boolean {
        try {
            const token = this.#slots.find(this.#uri)?.getToken()
            return token !== undefined && token.serialNumber === serial && token.label === label
        } finally {
            this.#close()
        }
    }

    /** TK-KEY-4: whether the session is still one with the token it was opened for. */
    #isSame(): boolean {
        const stay = this.#card.look()?.stay
        return stay === undefined ? this.#slots.describe() === this.#held : stay === this.#card.stay
    }

    /** A card that is taken out takes its PIN with it, also while nobody asks for anything. */
    #watchCard(): void {
        this.#card.watch((stay) => {
            if (this.keptLogin?.hasStayed(stay) === false) this.lose()
        })
    }

    /** Before a login: ykcs11 reads a card once, shows no key that another program makes later, and a PIN as blocked after the PUK. */
    lookAnew(): void {
        if (this.#session === undefined || this.#login.isIn) return
        this.#dropKeys()
        this.#close()
    }

    /** Nobody may use what was found before. Ends with C_Finalize: with some modules C_Logout changes a variable only. */
    lose(): void {
        this.#forgetLogin()
        this.#close()
        this.#card.doubt()
        this.#setSnapshot({ ...this.#snapshot, state: "absent", released: false })
    }

    /** The same, and a look at what is there: a token that refused something is not an absent one. */
    startOver(): void {
        this.lose()
        quietly(() => this.#open())
    }

    #close(): void {
        const slot = this.#session?.slot
        this.#session = undefined
        quietly(() => slot?.closeAll())
        this.#slots.close()
        this.#card.left(this.#slots.areReaders)
    }

    /** Whether the slots hold what they held when the session was opened: an evil twin would get to know the PIN. */
    get isUnchanged(): boolean {
        try {
            return this.#session !== undefined && this.#slots.describe() === this.#held
        } catch {
            return false
        }
    }

    /** Another session in place of this one, login and keys kept: what failed may have left the old one in the middle of an operation. */
    renew(): void {
        const old = this.#session
        if (old === undefined) return
        try {
            // First the new one: with its last session an application loses its login (PKCS#11, C_CloseSession).
            this.#session = old.slot.open(SessionFlag.SERIAL_SESSION)
            old.close()
        } catch {
            this.#session = old
            this.lose()
        }
    }

    /** No bad try may be spent on what cannot be a PIN. */
    fitsPin(length: number): boolean {
        const { least, most } = this.#info.pinLengths
        return length >= least && (most === 0 || length <= most)
    }

    /** One C_Login; the caller has recorded the try. What was logged in before is not any more, whatever comes of it. */
    login(pin: Secret | undefined, terms: LoginTerms | KeptLogin): LoginResult {
        const session = this.#open()
        this.#login.logOutOf(session)
        this.#forgetLogin()
        const result = this.#login.tryPin(session, pin)
        if (result === "ok") this.#accept(session, pin, terms)
        if (result === "other") this.lose()
        else this.#update()
        if (result === "ok") this.keptLogin?.note(this.#snapshot.tries)
        return result
    }

    #accept(session: Session, given: Secret | undefined, terms: LoginTerms | KeptLogin): void {
        const pin = given !== undefined && this.#needsPinAgain(session) ? given.clone() : undefined
        this.#login.accept(pin, this.#name, terms)
        this.#watchCard()
    }

    /** C_SetPIN; the caller has recorded the try. Nobody is logged in. */
    setPin(old: Secret, next: Secret): LoginResult {
        return this.#alone((session) =>
            old.reveal((shown) => next.reveal((chosen) => judgeLogin(this.#loaded.setPin(session.handle, shown, chosen)))),
        )
    }

    /** A new PIN by the security officer; the caller has recorded the try. Nobody is logged in. */
    resetPin(officer: Secret, next: Secret): { readonly login: LoginResult; readonly change: LoginResult } {
        return this.#alone((session) => {
            const login = this.#login.tryOfficer(session, officer)
            if (login !== "ok") return { login, change: "other" }
            return { login, change: next.reveal((chosen) => judgeLogin(this.#loaded.initPin(session.handle, chosen))) }
        })
    }

    /** In a R/W session beside which there is no other: the security officer is let into none (CKR_SESSION_READ_ONLY_EXISTS). */
    #alone<T>(work: (session: Session) => T): T {
        const { serial } = this.#snapshot
        this.lose()
        try {
            const slot = this.#slots.find(this.#uri)
            if (slot === undefined) throw this.#absent()
            // TK-KEY-4: what is typed is for the token that was looked at.
            if (slot.getToken().serialNumber !== serial)
                throw new TrustkeyError("token_changed", "another token has taken its place meanwhile; nothing was tried")
            return work(slot.open(SessionFlag.SERIAL_SESSION | SessionFlag.RW_SESSION))
        } catch (error) {
            throw this.fail(error)
        } finally {
            // With the login in it, and what the module remembers of it.
            this.#close()
        }
    }

    logout(): void {
        const session = this.#session
        if (session === undefined && this.keptLogin === undefined) return
        this.#login.logOutOf(session)
        this.lose()
    }

    /** A use of the login, before the key is used. @throws login_required when its time is over */
    spend(): void {
        this.#login.spend()
    }

    /** After a use: the last one has ended the login. */
    settle(): void {
        const { counted, usesLeft } = this.#login
        if (counted === "last") this.#end()
        else if (counted === "more") this.#setSnapshot({ ...this.#snapshot, usesLeft })
    }

    /** The login is over. Nothing of it stays: the PIN is forgotten, and a card that other programs reach forgets it with C_Finalize. */
    #end(): void {
        this.#login.logOutOf(this.#session)
        this.#forgetLogin()
        this.#close()
        this.#setSnapshot({ ...this.#snapshot, state: "present", usesLeft: 0, released: true })
        this.#announce({ event: "login-over" })
    }

    /** Timers stand still while the machine sleeps: looked at before anything else is done. */
    endWhenOver(): void {
        this.#login.endWhenOver()
    }

    /**
     * TK-PIN-1, before a signature that tells the token the PIN which is kept: nobody types it now. Wrong ones that others tried since may have
     * left it the last try.
     *
     * @throws login_required
     */
    checkTries(): void {
        if (this.keptLogin === undefined) return
        this.#readToken()
        if (!this.#login.isWorse(this.#snapshot.tries)) return
        this.#end()
        throw new TrustkeyError("login_required", "the token has had wrong PINs meanwhile; nobody is logged in any more, log in again")
    }

    /**
     * The login CKA_ALWAYS_AUTHENTICATE asks for, between C_SignInit and C_Sign with nothing in between.
     *
     * @throws login_required, pin_incorrect, pin_blocked: the PIN is forgotten, so it is not tried a second time (TK-PIN-1)
     */
    loginForOne(session: Session): void {
        const refusal = this.#login.tellAgain(session)
        if (refusal === undefined) return
        // The operation is open and stays so: the session is of no use any more.
        this.startOver()
        throw refusal
    }

    #needsPinAgain(session: Session): boolean {
        if (this.#snapshot.releaseAfterMs > 0 || this.#info.quirks.keyIds === "piv") return true
        try {
            const keys = findObjects(session, CKO_PRIVATE_KEY)
            return keys.length > MOST_KEYS_TO_ASK || keys.some((key) => this.asksEachTime(key))
        } catch {
            return true
        }
    }

    #open(): Session {
        if (this.#session !== undefined) return this.#session
        try {
            // SoftHSM and ykcs11 see a token come back only after a new C_Initialize.
            const slot = this.#slots.find(this.#uri) ?? this.#findAfresh()
            if (slot === undefined) throw this.#absent()
            this.#held = this.#slots.describe()
            this.#session = slot.open(SessionFlag.SERIAL_SESSION)
            this.#card.opened(slot)
            this.#readToken()
            this.#hasWorked = true
            // TK-KEY-4: another token took the place of the one that was let go of.
            if (this.keptLogin?.isOf(this.#name) === false) {
                this.#forgetLogin()
                this.#readToken()
            }
            return this.#session
        } catch (error) {
            this.#session = undefined
            if (error instanceof TrustkeyError) throw error
            const reason = this.#reason()
            this.#close()
            this.#setSnapshot({ ...this.#snapshot, state: "failed", reason })
            // It failed on a fresh library, after it had worked in this process: a new process may help. In one that is new, another would not.
            if (this.#hasWorked) this.#giveUp()
            throw new TrustkeyError("token_failed", reason, { cause: error })
        }
    }

    #reason(): string {
        const hasPcsc = !this.#slots.areReaders || this.#card.isServed
        return hasPcsc
            ? "the PKCS#11 module fails"
            : "the smart card service (pcscd) does not answer; start it, or have trustkey doctor see whether polkit refuses the daemon"
    }

    get #name(): TokenName {
        return { serial: this.#snapshot.serial, label: this.#snapshot.label, stay: this.#card.stay }
    }

    #findAfresh(): Slot | undefined {
        this.#slots.close()
        return this.#slots.find(this.#uri)
    }

    #readToken(): void {
        if (this.#session === undefined) return
        this.#info = readTokenInfo(this.#session.slot, this.family, this.#override)
        const { label, serial, manufacturer, model, tries, pinPad } = this.#info
        const isYubikey = this.#card.reader !== undefined
        this.#setSnapshot({
            kind: isYubikey ? "yubikey" : "pkcs11",
            state: this.#stateWith(tries),
            label,
            serial,
            manufacturer,
            model,
            tries,
            usesLeft: this.#login.usesLeft,
            releaseAfterMs: this.#releaseAfterMs ?? (isYubikey ? YUBIKEY_RELEASE_MS : 0),
            released: false,
            taken: false,
            removable: (this.#session.slot.flags & SlotFlag.REMOVABLE_DEVICE) !== 0,
            reason: "",
            pinPad,
        })
    }

    #stateWith(tries: PinTries): TokenSnapshot["state"] {
        if (tries === "blocked" && !this.#login.isIn) return "blocked"
        return this.isUsable || this.keptLogin !== undefined ? "logged-in" : "present"
    }

    /** After a login: read the flags, and let go of a token that cannot even say them. */
    #update(): void {
        try {
            this.#readToken()
        } catch (error) {
            if (resultCode(error) === undefined) throw error
            this.lose()
        }
    }

    #forgetLogin(): void {
        this.#card.unwatch()
        this.#login.forget()
        this.#dropKeys()
    }

    #dropKeys(): void {
        if (this.keys.size === 0) return
        this.keys.clear()
        this.#announce({ event: "keys-gone" })
    }

    #absent(): TrustkeyError {
        if (this.#card.look()?.isTaken === true) {
            this.#close()
            this.#setSnapshot({ ...this.#snapshot, taken: true })
            return new TrustkeyError("token_busy", "another program has the card for itself (gpg's scdaemon?); end it")
        }
        // Who took it out may put it back, or another in its place: the PIN is not for that.
        this.#forgetLogin()
        this.#setSnapshot({ ...this.#snapshot, state: "absent", usesLeft: 0, released: false })
        const others = this.#slots.list()
        const instead = others === "" ? "" : `; there is instead: ${others}`
        // The module may hold other tokens, which have signers of their own.
        this.#close()
        return new TrustkeyError("token_absent", `the token is not there; insert it${instead}`)
    }

    #setSnapshot(next: TokenSnapshot): void {
        const changed = JSON.stringify(next) !== JSON.stringify(this.#snapshot)
        this.#snapshot = next
        if (changed) this.#announce({ event: "token", token: next })
    }
}
