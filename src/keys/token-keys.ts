import type { Algorithm, Scheme, SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import {
    ABSENT_TOKEN,
    encodePublicKey,
    encodeSealed,
    type Fields,
    formatPkcs11Uri,
    type PinTries,
    parsePkcs11Uri,
    parseTokenKey,
    parseTokenSnapshot,
    type TokenKeyFacts,
    type TokenSnapshot,
    toBase64,
} from "../signer/index.ts"
import type { Store } from "../storage/index.ts"
import type { KeyEntry } from "./key-index.ts"
import { SignerProcess, type SignerProcessOptions } from "./signer-process.ts"

export type TokenConfig = {
    readonly name: string
    /** The PKCS#11 module, an absolute path. */
    readonly module: string
    /** RFC 7512, token attributes only. */
    readonly uri: string
    /** Name of the credential that holds the PIN. */
    readonly pinCredential?: string
    /** All of the signer's environment: SOFTHSM2_CONF and the like decide which token answers. */
    readonly environment: Readonly<Record<string, string>>
    /** For one call. Where a touch is needed, time for a person. */
    readonly deadlineMs: number
}

export type TokenState = {
    readonly name: string
    readonly uri: string
    readonly state: "present" | "absent" | "logged-in" | "busy" | "blocked" | "failed"
    /** What a person should do, if anything. */
    readonly detail: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly tries: PinTries
}

export type TokenKeysOptions = {
    readonly config: TokenConfig
    readonly process: Omit<
        SignerProcessOptions,
        "name" | "environment" | "configuration" | "deadlineMs" | "onEvent" | "onDown" | "onRespawn"
    >
    readonly credentialsDirectory: string | undefined
    readonly store: Store
    readonly now: () => Date
    readonly tries: PinTryRecords
    /** Of the tokens on which keys under this name are. */
    readonly serials: () => Iterable<string>
}

type PinTry = { readonly fingerprint: Uint8Array; readonly salt: Uint8Array }
/** What is recorded of tries without a known good end, by the row's name. */
export type PinTryRecords = Map<string, PinTry>

type OpenKey = { readonly handle: number; readonly alwaysAuthenticate: boolean }

/** A key that asks for the PIN each time often asks for a touch as well; a card gives a person about 15 s. */
const TOUCH_DEADLINE_MS = 30_000
const FIRST_LOOK_MS = 3_000
/** RSA on a smart card. */
const GENERATE_DEADLINE_MS = 300_000

/** The keys of one token: what its signer said of it, which handles are good, and the discipline about its PIN. */
export class TokenKeys {
    readonly config: TokenConfig
    readonly #options: TokenKeysOptions
    readonly #process: SignerProcess
    readonly #open = new Map<string, OpenKey>()
    readonly #opening = new Map<string, Promise<OpenKey>>()
    #snapshot: TokenSnapshot = ABSENT_TOKEN
    /** Why nothing is asked of this token any more, until somebody logs in again. */
    #distrusted: string | undefined
    /** Somebody said logout or lock: then only somebody logs in again, not the credential. */
    #loggedOutByCommand = false
    #credentialRefused: TrustkeyError | undefined
    /** What was recorded for the credential's value that is in use now. */
    #credentialTry: PinTry | undefined
    #loggingIn: Promise<unknown> = Promise.resolve()
    /** Counts what a login that began before must not outlast: logouts, and the ends of its process. */
    #logouts = 0

    constructor(options: TokenKeysOptions) {
        const { config, credentialsDirectory } = options
        this.config = config
        this.#options = options
        this.#process = new SignerProcess({
            ...options.process,
            name: config.name,
            environment: config.environment,
            configuration: { module: config.module, uri: config.uri, pinCredential: config.pinCredential, credentialsDirectory },
            deadlineMs: config.deadlineMs,
            onEvent: (event) => this.#onEvent(event),
            onDown: () => this.#forget(),
            onRespawn: () => {},
        })
    }

    get process(): SignerProcess {
        return this.#process
    }

    /** Start the signer and have a first look. A module that takes longer is looked at again when somebody asks. */
    async start(): Promise<void> {
        const patience = new Promise<void>((resolve) => setTimeout(resolve, FIRST_LOOK_MS).unref())
        const look = this.#process.start().then(() => this.refresh())
        await Promise.race([look.catch(() => {}), patience])
    }

    /** Whether it would sign now without a person. */
    get isReady(): boolean {
        if (this.#distrusted !== undefined) return false
        if (this.#snapshot.state === "logged-in") return true
        return this.#snapshot.state === "present" && this.#mayUseCredential()
    }

    get keyState(): "absent" | "locked" | "unlocked" {
        if (this.#snapshot.state === "absent") return "absent"
        return this.#snapshot.state === "logged-in" && this.#distrusted === undefined ? "unlocked" : "locked"
    }

    async sign(entry: KeyEntry, scheme: Scheme, message: Uint8Array): Promise<Buffer> {
        this.#checkTrusted()
        const { id } = entry.record
        const open = this.#open.get(id) ?? (await this.#openKey(entry))
        const { deadlineMs } = this.config
        const budgetMs = open.alwaysAuthenticate ? Math.max(deadlineMs, TOUCH_DEADLINE_MS) : deadlineMs
        try {
            // A login that is missing now was there when the key was opened. It is never answered by signing a second time:
            // a missed touch looks the same.
            return await this.#process.sign(open.handle, scheme, message, budgetMs)
        } catch (error) {
            // The handle is from before the token was lost: whoever asks next has it looked up again.
            const isGone = error instanceof TrustkeyError && HANDLE_ENDS.has(error.code)
            if (isGone && this.#open.get(id) === open) this.#open.delete(id)
            throw error
        }
    }

    async #openKey(entry: KeyEntry): Promise<OpenKey> {
        const { id } = entry.record
        const under = this.#opening.get(id)
        if (under !== undefined) return under
        const opening = this.#withLogin(() => this.#lookUp(entry))
        this.#opening.set(id, opening)
        try {
            return await opening
        } finally {
            this.#opening.delete(id)
        }
    }

    /** TK-KEY-4: the signer compares the token's serial and the key's public half with what was pinned, after each reopening. */
    async #lookUp(entry: KeyEntry): Promise<OpenKey> {
        const { home, publicKey, id } = entry.record
        if (home.kind !== "token") throw new TrustkeyError("internal", "this key is not on a token")
        const objectId = parsePkcs11Uri(home.uri).id ?? new Uint8Array()
        const request = { id: toBase64(objectId), serial: home.serial, publicKey: encodePublicKey(publicKey) }
        const answer = await this.#process.control("open-key", request)
        const open = this.#process.understand(() => ({
            handle: answer.integer("handle"),
            alwaysAuthenticate: answer.flag("alwaysAuthenticate"),
        }))
        this.#open.set(id, open)
        return open
    }

    /** TK-KEY-2: made on this token or not at all. */
    async generate(algorithm: Algorithm, label: string): Promise<TokenKeyFacts> {
        this.#checkTrusted()
        const request = { algorithm, label }
        const answer = await this.#withLogin(() => this.#process.control("generate", request, GENERATE_DEADLINE_MS))
        return this.#process.understand(() => parseTokenKey(answer))
    }

    /** Exactly one private key, shown to sign. @throws not_found, object_ambiguous, key_unfit */
    async find(uri: string): Promise<TokenKeyFacts> {
        this.#checkTrusted()
        const answer = await this.#withLogin(() => this.#process.control("find", { uri }, TOUCH_DEADLINE_MS))
        return this.#process.understand(() => parseTokenKey(answer))
    }

    async objects(): Promise<readonly TokenKeyFacts[]> {
        const answer = await this.#withLogin(() => this.#process.control("objects"))
        return this.#process.understand(() => answer.list("objects").map(parseTokenKey))
    }

    /** RFC 7512, by what identifies the key for ever: the token's serial and the key's CKA_ID. */
    uriOf(key: TokenKeyFacts): string {
        return formatPkcs11Uri({ token: this.#snapshot.label, serial: key.serial, type: "private", id: key.id })
    }

    /** Do something that needs a login; with a credential, log in first when nobody is. */
    async #withLogin<T>(work: () => Promise<T>): Promise<T> {
        const since = this.#logouts
        try {
            return await work()
        } catch (error) {
            if (!(error instanceof TrustkeyError) || error.code !== "login_required") throw error
            // TK-PIN-1: the stored PIN was refused. "Log in" would send a person the wrong way: the credential has to be corrected.
            const refused = this.#credentialRefused
            if (refused !== undefined && !this.#loggedOutByCommand) {
                if (refused.code === "pin_blocked" || refused.code === "pin_final_try") throw refused
                throw new TrustkeyError("pin_refused_before", "the stored PIN was refused and is not tried again", { cause: refused })
            }
            if (!this.#mayUseCredential()) throw error
        }
        await this.#takeTurn(() => this.#tryLogin(undefined, false, since))
        return work()
    }

    #mayUseCredential(): boolean {
        return this.config.pinCredential !== undefined && !this.#loggedOutByCommand && this.#credentialRefused === undefined
    }

    /**
     * One try, with a PIN somebody typed or with the credential's value.
     *
     * @throws pin_incorrect, pin_blocked, pin_final_try, pin_refused_before, token_absent …
     */
    async login(sealed: SealedSecret | undefined, evenFinalTry: boolean): Promise<TokenState> {
        // Whoever may only say "log in" has not examined the token; who types the PIN vouches for it.
        if (sealed === undefined && this.config.pinCredential !== undefined) this.#checkTrusted()
        const since = this.#logouts
        await this.#takeTurn(() => this.#tryLogin(sealed, evenFinalTry, since))
        this.#loggedOutByCommand = false
        this.#distrusted = undefined
        return this.#describe()
    }

    async #takeTurn<T>(work: () => Promise<T>): Promise<T> {
        const turn = this.#loggingIn.then(work, work)
        this.#loggingIn = turn.catch(() => {})
        return turn
    }

    /** TK-PIN-1: the try is on stable storage before it is made, and is taken back only when the token said yes. */
    async #tryLogin(sealed: SealedSecret | undefined, evenFinalTry: boolean, since: number): Promise<void> {
        const { store, now, tries } = this.#options
        this.#checkNotLoggedOut(since)
        const byCredential = sealed === undefined
        const row = byCredential ? this.#credentialRow : `human:${this.config.name}`
        try {
            const prepared = await this.#process.control("prepare-login", this.#loginRequest(sealed, evenFinalTry))
            const attempt = this.#process.understand(() => this.#readPrepared(prepared))
            if (attempt === undefined) return this.#checkNotLoggedOut(since)
            if (byCredential) await this.#checkSerial()
            const before = tries.get(row)
            await store.commit([{ kind: "pin-try.put", token: row, ...attempt, at: now().toISOString() }])
            tries.set(row, attempt)
            if (this.#logouts !== since) await this.#restore(row, before)
            this.#checkNotLoggedOut(since)
            const answer = await this.#process.control("login", {}, this.#loginDeadline())
            const confirmed = this.#process.understand(() => {
                this.#snapshot = parseTokenSnapshot(answer.fields("token"))
                return answer.flag("credentialConfirmed")
            })
            await this.#takeBack(confirmed ? [row, this.#credentialRow] : [row])
            this.#credentialTry = confirmed ? attempt : undefined
            if (byCredential || confirmed) this.#credentialRefused = undefined
            this.#checkNotLoggedOut(since)
        } catch (error) {
            if (byCredential && error instanceof TrustkeyError && CREDENTIAL_ENDS.has(error.code)) this.#credentialRefused = error
            throw error
        }
    }

    /** Who logs out has the last word, also over a login that began before. */
    #checkNotLoggedOut(since: number): void {
        if (this.#logouts !== since) throw new TrustkeyError("login_required", "the token was logged out meanwhile")
    }

    /** TK-KEY-4: the stored PIN is for the tokens our keys are on. A stranger with the right label would get to know it, or count it wrong. */
    async #checkSerial(): Promise<void> {
        if (this.config.pinCredential === undefined) return
        const known = new Set(this.#options.serials())
        if (known.size === 0 || known.has(this.#snapshot.serial)) return
        // The signer has read the PIN, and lets go of it.
        await this.#process.control("logout")
        throw new TrustkeyError(
            "token_changed",
            "this token's serial number is not that of the keys; the stored PIN is not told to it, a person may log in",
        )
    }

    /** The try that was recorded was not made: what was on record before it counts. */
    async #restore(row: string, before: PinTry | undefined): Promise<void> {
        if (before === undefined) return this.#takeBack([row])
        await this.#options.store.commit([{ kind: "pin-try.put", token: row, ...before, at: this.#options.now().toISOString() }])
        this.#options.tries.set(row, before)
    }

    /** On a PIN pad a person types. */
    #loginDeadline(): number {
        return this.#snapshot.pinPad ? Math.max(this.config.deadlineMs, TOUCH_DEADLINE_MS) : this.config.deadlineMs
    }

    #loginRequest(sealed: SealedSecret | undefined, evenFinalTry: boolean): Record<string, unknown> {
        if (sealed !== undefined) {
            const context = { purpose: "login", subject: `token:${this.config.name}` }
            // A typed PIN is not held against an earlier one: one byte is too little to refuse a person by.
            return { evenFinalTry, sealed: encodeSealed(sealed), context }
        }
        const refused = this.#options.tries.get(this.#credentialRow)
        if (refused === undefined) return { evenFinalTry }
        return { evenFinalTry, refused: { fingerprint: toBase64(refused.fingerprint), salt: toBase64(refused.salt) } }
    }

    #readPrepared(prepared: Fields): PinTry | undefined {
        this.#snapshot = parseTokenSnapshot(prepared.fields("token"))
        return prepared.flag("needed") ? { fingerprint: prepared.bytes("fingerprint"), salt: prepared.bytes("salt") } : undefined
    }

    get #credentialRow(): string {
        return `credential:${this.config.name}`
    }

    async #takeBack(rows: readonly string[]): Promise<void> {
        const known = [...new Set(rows)].filter((row) => this.#options.tries.has(row))
        if (known.length === 0) return
        await this.#options.store.commit(known.map((token) => ({ kind: "pin-try.remove", token })))
        for (const row of known) this.#options.tries.delete(row)
    }

    async logout(): Promise<TokenState> {
        this.#loggedOutByCommand = true
        this.#logouts += 1
        const answer = await this.#process.control("logout")
        this.#snapshot = this.#process.understand(() => parseTokenSnapshot(answer.fields("token")))
        return this.#describe()
    }

    async lockAll(): Promise<void> {
        this.#loggedOutByCommand = true
        this.#logouts += 1
        this.#forget()
        await this.#process.restart()
    }

    /** From the token when its signer has nothing else to do, else from memory: never behind a waiting touch. */
    async refresh(): Promise<TokenState> {
        if (this.#process.isIdle && this.#process.state.state === "ready") {
            try {
                const answer = await this.#process.control("state")
                this.#snapshot = this.#process.understand(() => parseTokenSnapshot(answer.fields("token")))
            } catch {
                // Its signer is gone or going; what it says of itself below is enough.
            }
        }
        return this.#describe()
    }

    forget(id: string): void {
        this.#open.delete(id)
    }

    /** A signature it gave did not verify. Nothing is asked of it until a person logs in again. */
    distrust(): void {
        this.#distrusted = "a signature it gave did not verify"
        this.#loggedOutByCommand = true
        this.#process.kill("it gave a bad signature")
    }

    #checkTrusted(): void {
        if (this.#distrusted !== undefined) throw new TrustkeyError("token_failed", `the token is out of use: ${this.#distrusted}`)
    }

    #onEvent(event: Fields): void {
        switch (event.text("event")) {
            case "token":
                this.#snapshot = parseTokenSnapshot(event.fields("token"))
                break
            case "keys-gone":
                this.#open.clear()
                break
            case "pin-refused":
                void this.#contextLoginRefused()
                break
        }
    }

    /** The PIN that was right at login is refused now. When it came from the credential, it must not be tried again. */
    async #contextLoginRefused(): Promise<void> {
        const { store, now, tries } = this.#options
        const attempt = this.#credentialTry
        if (attempt === undefined) return
        this.#credentialRefused = new TrustkeyError("pin_incorrect", "the token refused the credential's PIN")
        tries.set(this.#credentialRow, attempt)
        await store.commit([{ kind: "pin-try.put", token: this.#credentialRow, ...attempt, at: now().toISOString() }]).catch(() => {})
    }

    #forget(): void {
        this.#logouts += 1
        this.#open.clear()
        this.#snapshot = this.#snapshot.state === "logged-in" ? { ...this.#snapshot, state: "present" } : this.#snapshot
    }

    #describe(): TokenState {
        const { name, uri } = this.config
        const { label, serial, manufacturer, model, tries, state } = this.#snapshot
        const facts = { name, uri, label, serial, manufacturer, model, tries }
        const process = this.#process.state
        if (this.#distrusted !== undefined)
            return { ...facts, state: "failed", detail: `out of use: ${this.#distrusted}; check the token, then log in again` }
        if (process.state === "failed") return { ...facts, state: "failed", detail: process.detail }
        if (process.state === "starting") return { ...facts, state: "busy", detail: "its signer is starting" }
        if (process.state === "busy") return { ...facts, state: "busy", detail: "it is at work; touch it if it blinks" }
        return { ...facts, state, detail: this.#advice(state) }
    }

    #advice(state: TokenSnapshot["state"]): string {
        switch (state) {
            case "absent":
                return "insert the token"
            case "blocked":
                return "the PIN is blocked; unblock it with the PUK or the security officer's PIN"
            case "failed":
                return "the PKCS#11 module failed"
            case "logged-in":
                return ""
            case "present":
                if (this.#mayUseCredential()) return ""
                return this.#credentialRefused === undefined
                    ? "log in"
                    : `the credential's PIN is not used: ${this.#credentialRefused.message}`
        }
    }
}

/** After these the credential is not even read again until somebody logs in or the daemon restarts. */
const CREDENTIAL_ENDS: ReadonlySet<string> = new Set(["pin_incorrect", "pin_refused_before", "pin_blocked", "pin_final_try"])

/** What a signer says of a handle that it does not know any more. */
const HANDLE_ENDS: ReadonlySet<string> = new Set(["token_absent", "token_busy", "login_required"])
