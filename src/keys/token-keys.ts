import type { Algorithm, Scheme, SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord, TokenHome } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import {
    ABSENT_TOKEN,
    encodePublicKey,
    encodeSealed,
    type Fields,
    formatPkcs11Uri,
    type KnownPolicies,
    parsePkcs11Uri,
    parseProfile,
    parseTokenKey,
    parseTokenSnapshot,
    type QuirksFile,
    slotOfObjectId,
    type TokenKeyFacts,
    type TokenSnapshot,
    toBase64,
} from "../signer/index.ts"
import type { Store } from "../storage/index.ts"
import type { KeyEntry } from "./key-index.ts"
import { PivRequests } from "./piv-requests.ts"
import { writeQuirksFile } from "./quirks-files.ts"
import { SignerProcess, type SignerProcessOptions, type SignerProcessState } from "./signer-process.ts"
import type { TokenConfig } from "./token-config.ts"
import { examineProfile, type TokenExamination } from "./token-examination.ts"
import { type KnownKey, type LoginLimits, type PinChange, type PinTryRecords, TokenLogins } from "./token-logins.ts"
import { describeToken, type TokenLease, type TokenState } from "./token-state.ts"
import { mayWaitForTouch, type Touch, type TouchEvent, type Touches, type TouchPurpose, touchText } from "./touch.ts"

export type TokenKeysOptions = {
    readonly config: TokenConfig
    readonly process: Omit<
        SignerProcessOptions,
        "name" | "environment" | "configuration" | "deadlineMs" | "onEvent" | "onDown" | "onRespawn"
    >
    readonly credentialsDirectory: string | undefined
    readonly store: Store
    readonly touches: Touches
    readonly now: () => Date
    readonly tries: PinTryRecords
    readonly defaultTtlSeconds: number
    /** The keys that are on tokens under this name. */
    readonly known: () => Iterable<KnownKey>
    readonly quirksDirectory: string
    /** What is written about the token; an error: why it isn't used. */
    readonly quirks: QuirksFile | TrustkeyError | undefined
}

type OpenKey = { readonly handle: number; readonly alwaysAuthenticate: boolean }

/** A key that asks for the PIN each time often asks for a touch as well; a card gives a person about 15 s. */
const TOUCH_DEADLINE_MS = 30_000
const FIRST_LOOK_MS = 3_000
/** How long anybody who asks how a token is waits for it. */
const PATIENCE_MS = 1_500
const WATCH_MS = 1_000
/** What can't be taken out is looked for when it is missing, and nobody is in a hurry. */
const FIXED_WATCH_MS = 5_000
/** The last use of a login has its answer on the way; somebody may be logging in. */
const LATER_MS = 500
/** RSA on a smart card. */
const GENERATE_DEADLINE_MS = 300_000
/** Key pairs are made, and a card may be read as a whole. */
const PROFILE_DEADLINE_MS = 120_000

/** The keys of one token: what its signer said of it, and which handles are good. */
export class TokenKeys {
    readonly config: TokenConfig
    readonly #process: SignerProcess
    readonly #logins: TokenLogins
    readonly #open = new Map<string, OpenKey>()
    readonly #opening = new Map<string, Promise<OpenKey>>()
    /** Of a YubiKey. */
    readonly piv: PivRequests
    readonly #touches: Touches
    readonly #monotonic: () => number
    #snapshot: TokenSnapshot = ABSENT_TOKEN
    /** The last one that the token has begun with. */
    #touch: Touch | undefined
    #usedAt = 0
    #looking: Promise<void> | undefined
    #idle: NodeJS.Timeout | undefined
    /** Why nothing is asked of this token any more, until somebody logs in again. */
    #distrusted: string | undefined
    /** The quirks file has a mistake: what it would forbid is not known. */
    #misconfigured: TrustkeyError | undefined
    readonly #options: TokenKeysOptions
    readonly #configuration: Record<string, unknown>

    constructor(options: TokenKeysOptions) {
        const { config, credentialsDirectory, quirks } = options
        this.config = config
        this.#touches = options.touches
        this.#monotonic = options.process.monotonic
        this.#options = options
        this.#misconfigured = quirks instanceof TrustkeyError ? quirks : undefined
        this.#configuration = {
            module: config.module,
            uri: config.uri,
            libraryParameters: config.libraryParameters,
            pinCredential: config.pinCredential,
            credentialsDirectory,
            releaseAfterMs: config.releaseAfterMs,
            quirks: quirks instanceof TrustkeyError || quirks === undefined ? undefined : overrideOf(quirks),
        }
        this.#process = new SignerProcess({
            ...options.process,
            name: config.name,
            environment: config.environment,
            configuration: this.#configuration,
            deadlineMs: config.deadlineMs,
            onEvent: (event) => this.#onEvent(event),
            onDown: () => this.#forget(),
            onRespawn: () => void this.#look(),
        })
        this.#logins = new TokenLogins({
            name: config.name,
            pinCredential: config.pinCredential,
            deadlineMs: config.deadlineMs,
            defaultTtlSeconds: options.defaultTtlSeconds,
            process: this.#process,
            store: options.store,
            now: options.now,
            tries: options.tries,
            known: options.known,
            snapshot: () => this.#snapshot,
            onSnapshot: (snapshot) => this.#hear(snapshot),
        })
        this.piv = new PivRequests(
            config.name,
            (operation, request) => this.#onCard(operation, request),
            (read) => this.#process.understand(read),
        )
    }

    get process(): SignerProcess {
        return this.#process
    }

    /** What its signer does; a touch that is waited for is known here. */
    get signerState(): SignerProcessState {
        const touch = this.#awaitedTouch
        if (touch !== undefined) return { ...this.#process.state, state: "busy", detail: touchText(touch) }
        const process = this.#process.state
        if (process.state !== "ready") return process
        const { state, detail } = this.#describe()
        return { ...process, detail: detail === "" ? state : `${state}: ${detail}` }
    }

    get #awaitedTouch(): TouchEvent | undefined {
        return this.#touch?.isAwaited === true ? this.#touch.event("touch-awaited") : undefined
    }

    /** Start the signer and have a first look. A module that takes longer is looked at again when somebody asks. */
    async start(): Promise<void> {
        setTimeout(() => this.#watch(), WATCH_MS).unref()
        const patience = new Promise<void>((resolve) => setTimeout(resolve, FIRST_LOOK_MS).unref())
        const look = this.#process.start().then(() => this.refresh())
        await Promise.race([look.catch(() => {}), patience])
    }

    /** Whether it would sign now without a person. */
    get isReady(): boolean {
        if (this.#distrusted !== undefined || this.#misconfigured !== undefined) return false
        if (this.#snapshot.state === "logged-in") return true
        return this.#snapshot.state === "present" && this.#logins.mayUseCredential
    }

    get keyState(): "absent" | "locked" | "unlocked" {
        if (this.#snapshot.state === "absent") return "absent"
        return this.#snapshot.state === "logged-in" && this.#distrusted === undefined ? "unlocked" : "locked"
    }

    /** How long, and how often, it may still be used without a person. */
    get lease(): TokenLease {
        return { until: this.#logins.until, usesLeft: this.#snapshot.usesLeft || undefined }
    }

    /** What is going to be touched, if it comes to that. */
    expectTouch({ id, label }: KeyRecord, { uri, serial, touchPolicy }: TokenHome, purpose: TouchPurpose): Touch {
        return this.#touches.expect({ token: this.config.name, serial, slot: this.#slotOf(uri), keyId: id, label, touchPolicy }, purpose)
    }

    /** On a YubiKey a key's ID stands for its slot; on other tokens it means nothing to a person. */
    #slotOf(uri: string): string {
        return this.isYubikey ? (slotOfObjectId(parsePkcs11Uri(uri).id) ?? "") : ""
    }

    /** @param home where on this token the key lies */
    async sign(entry: KeyEntry, home: TokenHome, scheme: Scheme, message: Uint8Array, touch: Touch): Promise<Buffer> {
        this.#checkTrusted()
        const { id } = entry.record
        const open = this.#open.get(id) ?? (await this.#openKey(entry, home))
        const { deadlineMs } = this.config
        const { alwaysAuthenticate } = open
        const mayWait = mayWaitForTouch(touch.key.touchPolicy, alwaysAuthenticate)
        try {
            if (!mayWait) return await this.#process.sign(open.handle, scheme, message, deadlineMs)
            // Whatever goes wrong is not answered by signing a second time: somebody would have to touch the token again.
            return await this.#awaitTouch(touch, alwaysAuthenticate, (budgetMs, onBegin) =>
                this.#process.sign(open.handle, scheme, message, budgetMs, onBegin),
            )
        } catch (error) {
            // The handle is from before the token was lost: whoever asks next has it looked up again.
            const isGone = error instanceof TrustkeyError && HANDLE_ENDS.has(error.code)
            if (isGone && this.#open.get(id) === open) this.#open.delete(id)
            throw error
        } finally {
            this.#usedAt = this.#monotonic()
        }
    }

    /** Something that needs a login, but for signatures. */
    async #use<T>(work: () => Promise<T>): Promise<T> {
        try {
            return await this.#logins.within(work)
        } finally {
            this.#usedAt = this.#monotonic()
        }
    }

    async #awaitTouch<T>(
        touch: Touch,
        alwaysAuthenticate: boolean,
        work: (budgetMs: number, onBegin: () => void) => Promise<T>,
    ): Promise<T> {
        const onBegin = (): void => {
            this.#touch = touch
            touch.begin(alwaysAuthenticate)
        }
        try {
            const result = await work(Math.max(this.config.deadlineMs, TOUCH_DEADLINE_MS), onBegin)
            touch.end("touched")
            return result
        } catch (error) {
            touch.end(error instanceof TrustkeyError && error.code === "touch_timeout" ? "touch-timeout" : "gone")
            throw error
        }
    }

    async #openKey(entry: KeyEntry, home: TokenHome): Promise<OpenKey> {
        const { id } = entry.record
        const under = this.#opening.get(id)
        if (under !== undefined) return under
        const opening = this.#use(() => this.#lookUp(entry, home))
        this.#opening.set(id, opening)
        try {
            return await opening
        } finally {
            this.#opening.delete(id)
        }
    }

    /** TK-KEY-4: the signer compares the token's serial and the key's public half with what was pinned, after each reopening. */
    async #lookUp(entry: KeyEntry, home: TokenHome): Promise<OpenKey> {
        const { publicKey, id } = entry.record
        const objectId = parsePkcs11Uri(home.uri).id ?? new Uint8Array()
        const { serial, pinPolicy, touchPolicy } = home
        const request = { id: toBase64(objectId), serial, publicKey: encodePublicKey(publicKey), pinPolicy, touchPolicy }
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
        const answer = await this.#use(() => this.#process.control("generate", request, GENERATE_DEADLINE_MS))
        return this.#process.understand(() => parseTokenKey(answer))
    }

    /**
     * A private key from another signer of ours, sealed for this one; the token's PKCS#11 module takes it in.
     *
     * @throws key_unfit, token_unfit, open_failed, challenge_expired
     */
    async importKey(pkcs8: SealedSecret, label: string): Promise<TokenKeyFacts> {
        this.#checkTrusted()
        const context = { purpose: "import", subject: `token:${this.config.name}` }
        const request = { pkcs8: { sealed: encodeSealed(pkcs8), context }, label }
        const answer = await this.#use(() => this.#process.control("import", request, GENERATE_DEADLINE_MS))
        return this.#process.understand(() => parseTokenKey(answer))
    }

    /** Exactly one private key, shown to sign. @throws not_found, object_ambiguous, key_unfit, touch_timeout */
    async find(uri: string, asker: Principal | undefined, { pinPolicy, touchPolicy }: KnownPolicies = {}): Promise<TokenKeyFacts> {
        this.#checkTrusted()
        const answer = await this.#use(() => {
            const key = {
                token: this.config.name,
                serial: this.#snapshot.serial,
                slot: this.#slotOf(uri),
                keyId: "",
                label: "",
                touchPolicy,
            }
            const touch = this.#touches.expect(key, undefined)
            if (asker !== undefined) touch.join({ asker, difference: () => [] })
            // Whether it asks for the PIN each time, only the token knows yet.
            return this.#awaitTouch(touch, true, (budgetMs, onBegin) =>
                this.#process.control("find", { uri, pinPolicy, touchPolicy }, budgetMs, onBegin),
            )
        })
        return this.#process.understand(() => parseTokenKey(answer))
    }

    async objects(): Promise<readonly TokenKeyFacts[]> {
        const answer = await this.#use(() => this.#process.control("objects"))
        return this.#process.understand(() => answer.list("objects").map(parseTokenKey))
    }

    /** Not between the halves of a login: the PIN would be tried on a session nobody has looked at. */
    #onCard(operation: string, request: Readonly<Record<string, unknown>>): Promise<Fields> {
        this.#checkTrusted()
        const budgetMs = operation === "piv-generate" ? GENERATE_DEADLINE_MS : Math.max(this.config.deadlineMs, TOUCH_DEADLINE_MS)
        return this.#logins.between(() => this.#process.control(operation, request, budgetMs))
    }

    /** Whether there is more to it than PKCS#11, as far as it was seen: its PIV applet can be reached. */
    get isYubikey(): boolean {
        return this.#snapshot.kind === "yubikey"
    }

    /** As `uriOf`, of a key that was not found yet. */
    uriOfObject(id: Uint8Array): string {
        return formatPkcs11Uri({ token: this.#snapshot.label, serial: this.#snapshot.serial, type: "private", id })
    }

    /**
     * Look at module and token, and try what can be tried. Nobody is logged in for it; without a login the answer is incomplete.
     *
     * @param write put what was found into the quirks file, and start a fresh signer with it: somebody has to log in again
     * @throws login_required: an incomplete answer is not written down
     */
    async examine(write: boolean): Promise<TokenExamination> {
        const { config } = this
        // Not between the halves of a login: without one the library is ended and initialised again.
        const answer = await this.#logins.between(() => this.#process.control("profile", {}, PROFILE_DEADLINE_MS))
        const profile = this.#process.understand(() => parseProfile(answer))
        const { file, examination } = examineProfile(config, profile, this.#options.now())
        if (!write) return { ...examination, written: undefined }
        if (examination.report.verdict === "incomplete")
            throw new TrustkeyError("login_required", "nothing is written down before it was tried: log in first")
        const written = await writeQuirksFile(this.#options.quirksDirectory, config.name, file)
        this.#configuration["quirks"] = overrideOf(file)
        this.#misconfigured = undefined
        await this.lockAll()
        return { ...examination, written }
    }

    /** The token as it was last seen. */
    get snapshot(): TokenSnapshot {
        return this.#snapshot
    }

    /** RFC 7512, by what identifies the key for ever: the token's serial and the key's CKA_ID. */
    uriOf(key: TokenKeyFacts): string {
        return formatPkcs11Uri({ token: this.#snapshot.label, serial: key.serial, type: "private", id: key.id })
    }

    /**
     * One try, with a PIN somebody typed or with the credential's value.
     *
     * @throws pin_incorrect, pin_blocked, pin_final_try, pin_refused_before, token_absent …
     */
    async login(sealed: SealedSecret | undefined, evenFinalTry: boolean, limits: LoginLimits): Promise<TokenState> {
        // Whoever may only say "log in" has not examined the token; who types the PIN vouches for it.
        if (sealed === undefined && this.config.pinCredential !== undefined) this.#checkTrusted()
        await this.#logins.login(sealed, evenFinalTry, limits)
        this.#distrusted = undefined
        return this.#describe()
    }

    /** @throws pin_incorrect, pin_blocked, puk_incorrect, puk_blocked, pin_final_try, invalid_request, token_… */
    async changePin(change: PinChange): Promise<TokenState> {
        await this.#logins.changePin(change)
        return this.#describe()
    }

    async logout(): Promise<TokenState> {
        this.#logins.endByCommand()
        await this.#askAndHear("logout")
        return this.#describe()
    }

    async lockAll(): Promise<void> {
        this.#logins.endByCommand()
        this.#forget()
        await this.#process.restart()
    }

    /** From the token when its signer has nothing else to do, else from memory: never behind a waiting touch, and never for long. */
    async refresh(): Promise<TokenState> {
        const patience = new Promise<void>((resolve) => setTimeout(resolve, PATIENCE_MS).unref())
        await Promise.race([this.#look(), patience])
        return this.#describe()
    }

    /** One look at a time; whoever asks meanwhile is told the same. */
    #look(): Promise<void> {
        this.#looking ??= this.#askState().finally(() => {
            this.#looking = undefined
        })
        return this.#looking
    }

    async #askState(): Promise<void> {
        if (!this.#process.isIdle || this.#process.state.state !== "ready") return
        try {
            await this.#askAndHear("state")
        } catch {
            // Its signer is gone or going; what it says of itself is enough.
        }
    }

    /** A token that can be taken out is looked at while nobody asks: a PIN is not for a token that was in other hands. */
    #watch(): void {
        const { removable, state } = this.#snapshot
        if (removable || state === "absent" || state === "failed") void this.#look()
        setTimeout(() => this.#watch(), removable ? WATCH_MS : FIXED_WATCH_MS).unref()
    }

    forget(id: string): void {
        this.#open.delete(id)
    }

    /** A signature it gave did not verify. Nothing is asked of it until a person logs in again. */
    distrust(): void {
        this.#distrusted = "a signature it gave did not verify"
        this.#logins.requirePerson()
        this.#process.kill("it gave a bad signature")
    }

    #checkTrusted(): void {
        if (this.#misconfigured !== undefined) throw this.#misconfigured
        if (this.#distrusted !== undefined) throw new TrustkeyError("token_failed", `the token is out of use: ${this.#distrusted}`)
    }

    async #askAndHear(operation: "state" | "logout" | "release"): Promise<void> {
        const answer = await this.#process.control(operation)
        this.#hear(this.#process.understand(() => parseTokenSnapshot(answer.fields("token"))))
    }

    #hear(snapshot: TokenSnapshot): void {
        this.#snapshot = snapshot
        if (snapshot.releaseAfterMs > 0 && !snapshot.released) this.#idle ??= this.#releaseAfter(snapshot.releaseAfterMs)
    }

    #releaseAfter(milliseconds: number): NodeJS.Timeout {
        return setTimeout(() => void this.#releaseWhenIdle(), milliseconds).unref()
    }

    /** Other programs can use the token while nobody asks us anything of it. */
    async #releaseWhenIdle(): Promise<void> {
        this.#idle = undefined
        const { releaseAfterMs, released } = this.#snapshot
        if (releaseAfterMs === 0 || released) return
        const left = this.#usedAt + releaseAfterMs - this.#monotonic()
        if (left > 0 || !this.#process.isIdle || this.#logins.isTrying) {
            this.#idle = this.#releaseAfter(Math.max(left, LATER_MS))
            return
        }
        // The frames keep their order: what is asked for from now on is looked up anew.
        this.#open.clear()
        try {
            await this.#askAndHear("release")
        } catch {
            // Its signer is gone, and the token with it.
        }
    }

    #onEvent(event: Fields): void {
        switch (event.text("event")) {
            case "token":
                this.#hear(parseTokenSnapshot(event.fields("token")))
                break
            case "keys-gone":
                this.#open.clear()
                break
            case "login-over":
                this.#retire()
                break
            case "pin-refused":
                void this.#logins.refused()
                break
        }
    }

    /** The login was all its signer held: only a process's end surely wipes what the runtime copied. */
    #retire(): void {
        if (this.#snapshot.state === "logged-in") return
        if (!this.#process.isIdle || this.#logins.isTrying) {
            setTimeout(() => this.#retire(), LATER_MS).unref()
            return
        }
        const look = this.#process.restart().then(() => this.refresh())
        look.catch(() => {})
    }

    #forget(): void {
        this.#logins.end()
        this.#open.clear()
        this.#snapshot = this.#snapshot.state === "logged-in" ? { ...this.#snapshot, state: "present" } : this.#snapshot
    }

    #describe(): TokenState {
        const { config, lease, snapshot } = this
        const { mayUseCredential, credentialRefused } = this.#logins
        const login = { isUnattended: mayUseCredential, refused: credentialRefused }
        return describeToken({
            config,
            lease,
            snapshot,
            outOfUse: this.#outOfUse,
            process: this.#process.state,
            touch: this.#awaitedTouch,
            login,
        })
    }

    get #outOfUse(): string | undefined {
        if (this.#misconfigured !== undefined) return this.#misconfigured.message
        return this.#distrusted === undefined ? undefined : `out of use: ${this.#distrusted}; check the token, then log in again`
    }
}

function overrideOf({ serial, quirks }: QuirksFile): object {
    return { serial, quirks }
}

/** What a signer says of a handle that it does not know any more. */
const HANDLE_ENDS: ReadonlySet<string> = new Set(["token_absent", "token_busy", "login_required"])
