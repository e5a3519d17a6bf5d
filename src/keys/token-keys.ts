import type { Algorithm, PublicKeyBytes, Scheme, SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import {
    ABSENT_TOKEN,
    encodePublicKey,
    encodeQuirksFile,
    encodeSealed,
    type Fields,
    formatPkcs11Uri,
    type KnownPolicies,
    type ManagementAlgorithm,
    objectIdOfSlot,
    PIV_SLOTS,
    type PinPolicy,
    type PinTries,
    type PivDescription,
    type PivSlot,
    type Profile,
    parsePivDescription,
    parsePkcs11Uri,
    parseProfile,
    parsePublicKey,
    parseTokenKey,
    parseTokenSnapshot,
    type QuirksFile,
    type TokenKeyFacts,
    type TokenSnapshot,
    type TouchPolicy,
    toBase64,
} from "../signer/index.ts"
import type { Store } from "../storage/index.ts"
import type { KeyEntry } from "./key-index.ts"
import { writeQuirksFile } from "./quirks-files.ts"
import { SignerProcess, type SignerProcessOptions, type SignerProcessState } from "./signer-process.ts"
import { type KnownKey, type LoginLimits, type PinChange, type PinTryRecords, TokenLogins } from "./token-logins.ts"
import { reportOn, type TokenReport } from "./token-report.ts"
import { mayWaitForTouch, type Touch, type TouchEvent, type Touches, type TouchPurpose, touchText } from "./touch.ts"

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
    /** What C_Initialize gets in pReserved; NSS needs it. */
    readonly libraryParameters?: string
    /** After so long without use other programs may have the token; zero: never. Undefined: 10 s for YubiKeys, never for others. */
    readonly releaseAfterMs?: number
    /** A PEM file: roots of attestations that count besides Yubico's. */
    readonly attestationRoots?: string
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
    /** The end of the login; undefined without one. */
    readonly until: Date | undefined
    /** Of the login; undefined without a limit. */
    readonly usesLeft: number | undefined
    /** What it waits for. */
    readonly touch?: TouchEvent
    readonly kind: TokenSnapshot["kind"]
}

/** DER: what a card states of a key that it made, and the certificate of the key it signs such statements with. */
export type PivAttestation = {
    readonly attestation: Uint8Array
    readonly intermediate: Uint8Array
    /** The card's, decimal. */
    readonly serial: string
}

/** How a key gets into a slot. */
export type PivPlacement = {
    readonly slot: PivSlot
    readonly pinPolicy: PinPolicy
    readonly touchPolicy: TouchPolicy
    /** Hexadecimal digits, as people write it, sealed with the purpose `management-key` and the subject `token:<name>`. */
    readonly managementKey: SealedSecret
}

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

/** What the doctor found. */
export type TokenExamination = {
    readonly token: string
    readonly uri: string
    readonly module: string
    readonly profile: Profile
    readonly report: TokenReport
    /** The quirks file's text, written or not. */
    readonly quirks: string
    /** Its path; undefined: it was not written. */
    readonly written: string | undefined
}

type OpenKey = { readonly handle: number; readonly alwaysAuthenticate: boolean }

/** A key that asks for the PIN each time often asks for a touch as well; a card gives a person about 15 s. */
const TOUCH_DEADLINE_MS = 30_000
const FIRST_LOOK_MS = 3_000
/** How long anybody who asks how a token is waits for it. */
const PATIENCE_MS = 1_500
const WATCH_MS = 1_000
/** What is not there and can't be taken out either is looked for every so many times. */
const MISSING_WATCHES = 5
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
    readonly #touches: Touches
    readonly #monotonic: () => number
    #snapshot: TokenSnapshot = ABSENT_TOKEN
    /** The last one that the token has begun with. */
    #touch: Touch | undefined
    #usedAt = 0
    #looking: Promise<void> | undefined
    #watches = 0
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
    get lease(): { readonly until: Date | undefined; readonly usesLeft: number | undefined } {
        return { until: this.#logins.until, usesLeft: this.#snapshot.usesLeft || undefined }
    }

    /** What is going to be touched, if it comes to that. */
    expectTouch({ id, label, home }: KeyRecord, purpose: TouchPurpose): Touch {
        const { uri = "", serial = "", touchPolicy } = home.kind === "token" ? home : {}
        return this.#touches.expect({ token: this.config.name, serial, slot: this.#slotOf(uri), keyId: id, label, touchPolicy }, purpose)
    }

    /** On a YubiKey a key's ID stands for its slot; on other tokens it means nothing to a person. */
    #slotOf(uri: string): string {
        const { id } = parsePkcs11Uri(uri)
        if (this.#snapshot.kind !== "yubikey" || id === undefined) return ""
        return PIV_SLOTS.find((slot) => objectIdOfSlot(slot).equals(id)) ?? ""
    }

    async sign(entry: KeyEntry, scheme: Scheme, message: Uint8Array, touch: Touch): Promise<Buffer> {
        this.#checkTrusted()
        const { id } = entry.record
        const open = this.#open.get(id) ?? (await this.#openKey(entry))
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

    async #openKey(entry: KeyEntry): Promise<OpenKey> {
        const { id } = entry.record
        const under = this.#opening.get(id)
        if (under !== undefined) return under
        const opening = this.#use(() => this.#lookUp(entry))
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

    /** What a YubiKey says of itself. As for all that follows, the module lets go of the card meanwhile; the login goes on. */
    async describePiv(): Promise<PivDescription> {
        const answer = await this.#onCard("piv-describe", {})
        return this.#process.understand(() => parsePivDescription(answer))
    }

    /** @throws not_found: no key in this slot was made on the card */
    async attestPiv(slot: PivSlot): Promise<PivAttestation> {
        const answer = await this.#onCard("piv-attest", { slot })
        return this.#process.understand(() => parseAttestation(answer))
    }

    /**
     * TK-KEY-2: made in that slot or not at all. It has signed nothing yet: `find` shows that it can.
     *
     * @throws already_exists, key_unfit, management_key_incorrect
     */
    async generatePiv(
        algorithm: Algorithm,
        placement: PivPlacement,
    ): Promise<{ readonly publicKey: PublicKeyBytes } & Partial<PivAttestation>> {
        const answer = await this.#onCard("piv-generate", { algorithm, ...this.#placement(placement) })
        return this.#process.understand(() => ({
            publicKey: parsePublicKey(answer.fields("publicKey")),
            ...(answer.has("attestation") ? parseAttestation(answer) : {}),
        }))
    }

    /**
     * @param pkcs8 sealed with the purpose `import` and the subject `token:<name>`
     * @throws already_exists, key_unfit, management_key_incorrect
     */
    async importPiv(pkcs8: SealedSecret, placement: PivPlacement): Promise<PublicKeyBytes> {
        const answer = await this.#onCard("piv-import", { pkcs8: this.#sealed(pkcs8, "import"), ...this.#placement(placement) })
        return this.#process.understand(() => parsePublicKey(answer.fields("publicKey")))
    }

    /**
     * @param certificate DER
     * @param replace SHA-256, in hexadecimal, of the one that may go
     * @throws already_exists: there is another one. management_key_incorrect
     */
    async putPivCertificate(slot: PivSlot, certificate: Uint8Array, managementKey: SealedSecret, replace?: string): Promise<void> {
        const key = this.#sealed(managementKey, "management-key")
        await this.#onCard("piv-put-certificate", { slot, certificate: toBase64(certificate), managementKey: key, replace })
    }

    /** @param next sealed with the purpose `management-key-new` @throws management_key_incorrect, invalid_request */
    async setPivManagementKey(old: SealedSecret, next: SealedSecret, algorithm: ManagementAlgorithm): Promise<void> {
        const keys = { old: this.#sealed(old, "management-key"), new: this.#sealed(next, "management-key-new") }
        await this.#onCard("piv-set-management-key", { ...keys, algorithm })
    }

    #placement({ slot, pinPolicy, touchPolicy, managementKey }: PivPlacement): Readonly<Record<string, unknown>> {
        return { slot, pinPolicy, touchPolicy, managementKey: this.#sealed(managementKey, "management-key") }
    }

    #sealed(sealed: SealedSecret, purpose: string): object {
        return { sealed: encodeSealed(sealed), context: { purpose, subject: `token:${this.config.name}` } }
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
        const report = reportOn(profile)
        const { serial, library } = profile
        const file: QuirksFile = {
            module: config.module,
            serial,
            library: `${library.manufacturer}, ${library.description} ${library.version}`,
            writtenAt: this.#options.now().toISOString(),
            quirks: report.quirks,
        }
        const examination = { token: config.name, uri: config.uri, module: config.module, profile, report, quirks: encodeQuirksFile(file) }
        if (!write) return { ...examination, written: undefined }
        if (report.verdict === "incomplete")
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
        const answer = await this.#process.control("logout")
        this.#hear(this.#process.understand(() => parseTokenSnapshot(answer.fields("token"))))
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
        // Between the two halves of a login the token stays as it was looked at.
        if (this.#logins.isTrying || !this.#process.isIdle || this.#process.state.state !== "ready") return
        try {
            const answer = await this.#process.control("state")
            this.#hear(this.#process.understand(() => parseTokenSnapshot(answer.fields("token"))))
        } catch {
            // Its signer is gone or going; what it says of itself is enough.
        }
    }

    /** A token that can be taken out is looked at while nobody asks: a PIN is not for a token that was in other hands. */
    #watch(): void {
        this.#watches += 1
        const { removable, state } = this.#snapshot
        const isMissing = state === "absent" || state === "failed"
        if (removable || (isMissing && this.#watches % MISSING_WATCHES === 0)) void this.#look()
        setTimeout(() => this.#watch(), WATCH_MS).unref()
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
            const answer = await this.#process.control("release")
            this.#hear(this.#process.understand(() => parseTokenSnapshot(answer.fields("token"))))
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
        const { name, uri } = this.config
        const { label, serial, manufacturer, model, tries, kind, state } = this.#snapshot
        const facts = { name, uri, label, serial, manufacturer, model, tries, kind, ...this.lease }
        const process = this.#process.state
        if (this.#misconfigured !== undefined) return { ...facts, state: "failed", detail: this.#misconfigured.message }
        if (this.#distrusted !== undefined)
            return { ...facts, state: "failed", detail: `out of use: ${this.#distrusted}; check the token, then log in again` }
        if (process.state === "failed") return { ...facts, state: "failed", detail: process.detail }
        if (process.state === "starting") return { ...facts, state: "busy", detail: "its signer is starting" }
        const touch = this.#awaitedTouch
        if (touch !== undefined) return { ...facts, state: "busy", detail: "waiting for a touch", touch }
        if (process.state === "busy") return { ...facts, state: "busy", detail: "it is at work; touch it if it blinks" }
        if (this.#snapshot.taken) return { ...facts, state: "busy", detail: "another program has it for itself (gpg's scdaemon?)" }
        return { ...facts, state, detail: this.#advice(state) }
    }

    #advice(state: TokenSnapshot["state"]): string {
        switch (state) {
            case "absent":
                return this.#snapshot.serial === "" ? `insert the token: ${this.config.uri}` : "insert the token"
            case "blocked":
                return "the PIN is blocked; unblock it with the PUK or the security officer's PIN"
            case "failed":
                return this.#snapshot.reason
            case "logged-in":
                return ""
            case "present":
                if (this.#logins.mayUseCredential) return ""
                return this.#logins.credentialRefused === undefined
                    ? "log in"
                    : `the credential's PIN is not used: ${this.#logins.credentialRefused.message}`
        }
    }
}

function parseAttestation(answer: Fields): PivAttestation {
    return { attestation: answer.bytes("attestation"), intermediate: answer.bytes("intermediate"), serial: answer.text("serial") }
}

function overrideOf({ serial, quirks }: QuirksFile): object {
    return { serial, quirks }
}

/** What a signer says of a handle that it does not know any more. */
const HANDLE_ENDS: ReadonlySet<string> = new Set(["token_absent", "token_busy", "login_required"])
