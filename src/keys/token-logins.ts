import type { PublicKeyBytes, SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { encodePublicKey, encodeSealed, type Fields, parseTokenSnapshot, type TokenSnapshot, toBase64 } from "../signer/index.ts"
import type { Store } from "../storage/index.ts"
import type { SignerProcess } from "./signer-process.ts"

type PinTry = { readonly fingerprint: Uint8Array; readonly salt: Uint8Array }
/** What is recorded of tries without a known good end, by the row's name. */
export type PinTryRecords = Map<string, PinTry>

/** A key that is on a token: what a token must show before a PIN that nobody types is told to it. */
export type KnownKey = { readonly serial: string; readonly id: Uint8Array; readonly publicKey: PublicKeyBytes }

export type PinChange = {
    readonly how: "change" | "unblock"
    /** The PIN there is; to unblock it, the PUK or the security officer's PIN. Purpose "pin-old" or "puk". */
    readonly shown: SealedSecret
    /** Purpose "pin-new". */
    readonly next: SealedSecret
    readonly evenFinalTry: boolean
}

/** Zero: the default time, any number of uses. */
export type LoginLimits = { readonly ttlSeconds: number; readonly uses: number }

export const NO_LIMITS: LoginLimits = { ttlSeconds: 0, uses: 0 }

export type TokenLoginsOptions = {
    /** The token's name in the configuration. */
    readonly name: string
    /** Name of the credential that holds the PIN. */
    readonly pinCredential: string | undefined
    /** For one call. */
    readonly deadlineMs: number
    /** Of a login with a PIN somebody typed. */
    readonly defaultTtlSeconds: number
    readonly process: SignerProcess
    readonly store: Store
    readonly now: () => Date
    readonly tries: PinTryRecords
    /** The keys that are on tokens under this name. */
    readonly known: () => Iterable<KnownKey>
    readonly snapshot: () => TokenSnapshot
    /** What the signer said of the token while somebody logged in. */
    readonly onSnapshot: (snapshot: TokenSnapshot) => void
}

/** Nobody types it: it is the credential's, or the one that the token has accepted before. */
const CREDENTIAL = "credential"
const AGAIN = "again"
type Pin = SealedSecret | typeof CREDENTIAL | typeof AGAIN

/** So many public keys tell a token from its twin. */
const MOST_KEYS_SHOWN = 16
/** A person types it, on a PIN pad. */
const PIN_PAD_DEADLINE_MS = 30_000

/** The logins of one token and the discipline about its PIN (TK-PIN-1): who may try what, and what is on record before it is tried. */
export class TokenLogins {
    readonly #options: TokenLoginsOptions
    /** Somebody said logout or lock: then only somebody logs in again, not the credential. */
    #endedByCommand = false
    #credentialRefused: TrustkeyError | undefined
    /** What was recorded for the credential's value that is in use now. */
    #credentialTry: PinTry | undefined
    #until: Date | undefined
    #turn: Promise<unknown> = Promise.resolve()
    #trying = 0
    /** Counts what a login that began before must not outlast: logouts, and the ends of its process. */
    #ends = 0

    constructor(options: TokenLoginsOptions) {
        this.#options = options
    }

    /** Why the credential is not used any more. */
    get credentialRefused(): TrustkeyError | undefined {
        return this.#credentialRefused
    }

    get mayUseCredential(): boolean {
        return this.#options.pinCredential !== undefined && !this.#endedByCommand && this.#credentialRefused === undefined
    }

    /** The end of the login there is; undefined without a limit, and without a login. */
    get until(): Date | undefined {
        return this.#options.snapshot().state === "logged-in" ? this.#until : undefined
    }

    /** Somebody is about to be logged in. */
    get isTrying(): boolean {
        return this.#trying > 0
    }

    /** Whatever login there was is over, and one that is under way must not outlast this. */
    end(): void {
        this.#ends += 1
    }

    /** The same, and only somebody logs in again. */
    endByCommand(): void {
        this.#endedByCommand = true
        this.#ends += 1
    }

    /** Only somebody logs in again; a login that is under way is somebody's. */
    requirePerson(): void {
        this.#endedByCommand = true
    }

    /** Do something that needs a login; with a credential, log in first when nobody is. */
    async within<T>(work: () => Promise<T>): Promise<T> {
        const since = this.#ends
        try {
            return await work()
        } catch (error) {
            if (!isLoginRequired(error)) throw error
            if (await this.#again(since)) return work()
            // TK-PIN-1: the stored PIN was refused. "Log in" would send a person the wrong way: the credential has to be corrected.
            const refused = this.#credentialRefused
            if (refused !== undefined && !this.#endedByCommand) {
                if (refused.code === "pin_blocked" || refused.code === "pin_final_try") throw refused
                throw new TrustkeyError("pin_refused_before", "the stored PIN was refused and is not tried again", { cause: refused })
            }
            if (!this.mayUseCredential) throw error
        }
        await this.#takeTurn(() => this.#try(CREDENTIAL, false, NO_LIMITS, since))
        return work()
    }

    /** The login of a token that was let go of goes on: its signer still has the PIN. @returns false when that is over as well */
    async #again(since: number): Promise<boolean> {
        if (this.#options.snapshot().state !== "logged-in") return false
        try {
            await this.#takeTurn(() => this.#try(AGAIN, false, NO_LIMITS, since))
            return true
        } catch (error) {
            if (isLoginRequired(error) && this.#ends === since) return false
            throw error
        }
    }

    /**
     * One try, with a PIN somebody typed or with the credential's value, for a time: the default one when a person typed it, else none.
     *
     * @throws pin_incorrect, pin_blocked, pin_final_try, pin_refused_before, token_absent …
     */
    async login(sealed: SealedSecret | undefined, evenFinalTry: boolean, limits: LoginLimits): Promise<void> {
        const since = this.#ends
        const byPerson = sealed !== undefined || this.#options.pinCredential === undefined
        const ttlSeconds = limits.ttlSeconds || (byPerson ? this.#options.defaultTtlSeconds : 0)
        await this.#takeTurn(() => this.#try(sealed ?? CREDENTIAL, evenFinalTry, { ...limits, ttlSeconds }, since))
        // Who said for how long has also said that it ends then: the credential must not make more of it.
        this.#endedByCommand = limits.ttlSeconds !== 0 || limits.uses !== 0
    }

    /** Do something while nobody is in the middle of a login. */
    between<T>(work: () => Promise<T>): Promise<T> {
        return this.#takeTurn(work)
    }

    /**
     * A new PIN, by the one there is or by the PUK or the security officer's. What is shown for it is a try; nobody is logged in afterwards.
     *
     * @throws pin_incorrect, pin_blocked, puk_incorrect, puk_blocked, pin_final_try, invalid_request: the PIN is what it was
     */
    async changePin(change: PinChange): Promise<void> {
        await this.#takeTurn(() => this.#change(change))
    }

    async #change({ how, shown, next, evenFinalTry }: PinChange): Promise<void> {
        const { store, now, tries, process, name, onSnapshot } = this.#options
        const subject = `token:${name}`
        const sealed = (secret: SealedSecret, purpose: string): object => ({ sealed: encodeSealed(secret), context: { purpose, subject } })
        const prepared = await process.control("prepare-pin-change", {
            how,
            shown: sealed(shown, how === "change" ? "pin-old" : "puk"),
            next: sealed(next, "pin-new"),
            evenFinalTry,
        })
        const { attempt, credential } = process.understand(() => ({
            attempt: readMark(prepared),
            credential: prepared.has("credential") ? readMark(prepared.fields("credential")) : undefined,
        }))
        this.#ends += 1
        const row = `${how === "change" ? "human" : "puk"}:${name}`
        const before = tries.get(this.#credentialRow)
        // TK-PIN-1: what the credential holds is not the PIN soon. Whatever happens in between, it is not tried then.
        const written = new Map([[row, attempt], ...(credential === undefined ? [] : [[this.#credentialRow, credential] as const])])
        await store.commit(Array.from(written, ([token, mark]) => ({ kind: "pin-try.put", token, ...mark, at: now().toISOString() })))
        for (const [token, mark] of written) tries.set(token, mark)
        try {
            const answer = await process.control("pin-change", {}, this.#deadline())
            process.understand(() => onSnapshot(parseTokenSnapshot(answer.fields("token"))))
        } catch (error) {
            if (credential !== undefined && error instanceof TrustkeyError && UNCHANGED.has(error.code)) {
                await this.#restore(this.#credentialRow, before)
            }
            throw error
        }
        await this.#takeBack(credential === undefined ? [row, this.#credentialRow] : [row])
        this.#credentialRefused =
            credential === undefined
                ? undefined
                : new TrustkeyError("pin_refused_before", "the PIN was changed, and the credential holds another")
    }

    async #takeTurn<T>(work: () => Promise<T>): Promise<T> {
        this.#trying += 1
        const turn = this.#turn.then(work, work).finally(() => {
            this.#trying -= 1
        })
        this.#turn = turn.catch(() => {})
        return turn
    }

    /** TK-PIN-1: the try is on stable storage before it is made, and is taken back only when the token said yes. */
    async #try(pin: Pin, evenFinalTry: boolean, limits: LoginLimits, since: number): Promise<void> {
        const { store, now, tries, process, onSnapshot } = this.#options
        this.#checkNotEnded(since)
        let byCredential = pin === CREDENTIAL
        try {
            const prepared = await process.control("prepare-login", this.#request(pin, evenFinalTry, limits))
            const attempt = process.understand(() => this.#readPrepared(prepared))
            if (attempt === undefined) return this.#checkNotEnded(since)
            byCredential = process.understand(() => prepared.flag("fromCredential"))
            const row = byCredential ? this.#credentialRow : `human:${this.#options.name}`
            if (byCredential) await this.#checkSerial()
            const before = tries.get(row)
            await store.commit([{ kind: "pin-try.put", token: row, ...attempt, at: now().toISOString() }])
            tries.set(row, attempt)
            if (this.#ends !== since) await this.#restore(row, before)
            this.#checkNotEnded(since)
            const answer = await process.control("login", {}, this.#deadline()).catch(async (error: unknown) => {
                if (error instanceof TrustkeyError && NOT_TRIED.has(error.code)) await this.#restore(row, before)
                throw error
            })
            const confirmed = process.understand(() => {
                onSnapshot(parseTokenSnapshot(answer.fields("token")))
                return answer.flag("credentialConfirmed")
            })
            if (pin !== AGAIN) this.#until = limits.ttlSeconds === 0 ? undefined : new Date(now().getTime() + limits.ttlSeconds * 1000)
            await this.#takeBack(confirmed ? [row, this.#credentialRow] : [row])
            this.#credentialTry = confirmed ? attempt : undefined
            if (byCredential || confirmed) this.#credentialRefused = undefined
            this.#checkNotEnded(since)
        } catch (error) {
            if (byCredential && error instanceof TrustkeyError && CREDENTIAL_ENDS.has(error.code)) this.#credentialRefused = error
            throw error
        }
    }

    /** Who logs out has the last word, also over a login that began before. */
    #checkNotEnded(since: number): void {
        if (this.#ends !== since) throw new TrustkeyError("login_required", "the token was logged out meanwhile")
    }

    /** TK-KEY-4: the stored PIN is for the tokens our keys are on. A stranger with the right label would get to know it, or count it wrong. */
    async #checkSerial(): Promise<void> {
        if (this.#options.pinCredential === undefined) return
        const known = new Set(Array.from(this.#options.known(), ({ serial }) => serial))
        if (known.size === 0 || known.has(this.#options.snapshot().serial)) return
        // The signer has read the PIN, and lets go of it.
        await this.#options.process.control("logout")
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

    #deadline(): number {
        const { deadlineMs, snapshot } = this.#options
        return snapshot().pinPad ? Math.max(deadlineMs, PIN_PAD_DEADLINE_MS) : deadlineMs
    }

    #request(pin: Pin, evenFinalTry: boolean, { ttlSeconds, uses }: LoginLimits): Record<string, unknown> {
        const terms = { evenFinalTry, ttlMs: ttlSeconds * 1000, uses }
        if (pin === AGAIN) return { ...terms, again: true, keys: this.#knownKeys() }
        if (pin !== CREDENTIAL) {
            const context = { purpose: "login", subject: `token:${this.#options.name}` }
            // A typed PIN is not held against an earlier one: one byte is too little to refuse a person by.
            return { ...terms, sealed: encodeSealed(pin), context }
        }
        const refused = this.#options.tries.get(this.#credentialRow)
        // A PIN pad's user looks at the token himself.
        const keys = this.#options.pinCredential === undefined ? {} : { keys: this.#knownKeys() }
        if (refused === undefined) return { ...terms, ...keys }
        return { ...terms, ...keys, refused: { fingerprint: toBase64(refused.fingerprint), salt: toBase64(refused.salt) } }
    }

    #knownKeys(): readonly object[] {
        const keys: object[] = []
        for (const { serial, id, publicKey } of this.#options.known()) {
            if (keys.length === MOST_KEYS_SHOWN) break
            if (serial === this.#options.snapshot().serial) keys.push({ id: toBase64(id), publicKey: encodePublicKey(publicKey) })
        }
        return keys
    }

    #readPrepared(prepared: Fields): PinTry | undefined {
        this.#options.onSnapshot(parseTokenSnapshot(prepared.fields("token")))
        return prepared.flag("needed") ? readMark(prepared) : undefined
    }

    get #credentialRow(): string {
        return `credential:${this.#options.name}`
    }

    async #takeBack(rows: readonly string[]): Promise<void> {
        const known = [...new Set(rows)].filter((row) => this.#options.tries.has(row))
        if (known.length === 0) return
        await this.#options.store.commit(known.map((token) => ({ kind: "pin-try.remove", token })))
        for (const row of known) this.#options.tries.delete(row)
    }

    /** The PIN that was right at login is refused now, for a single signature. When it came from the credential, it must not be tried again. */
    async refused(): Promise<void> {
        const { store, now, tries } = this.#options
        const attempt = this.#credentialTry
        if (attempt === undefined) return
        this.#credentialRefused = new TrustkeyError("pin_incorrect", "the token refused the credential's PIN")
        tries.set(this.#credentialRow, attempt)
        await store.commit([{ kind: "pin-try.put", token: this.#credentialRow, ...attempt, at: now().toISOString() }]).catch(() => {})
    }
}

/** What a signer says of a try that it did not make. */
const NOT_TRIED: ReadonlySet<string> = new Set(["token_busy", "login_required"])

/** After these the credential is not even read again until somebody logs in or the daemon restarts. */
const CREDENTIAL_ENDS: ReadonlySet<string> = new Set(["pin_incorrect", "pin_refused_before", "pin_blocked", "pin_final_try"])

/** After these a PIN that was to be changed is what it was. */
const UNCHANGED: ReadonlySet<string> = new Set([
    "pin_incorrect",
    "pin_blocked",
    "pin_final_try",
    "puk_incorrect",
    "puk_blocked",
    "invalid_request",
    "token_absent",
    "token_busy",
    "token_changed",
    "object_ambiguous",
])

function readMark(fields: Fields): PinTry {
    return { fingerprint: fields.bytes("fingerprint"), salt: fields.bytes("salt") }
}

function isLoginRequired(error: unknown): boolean {
    return error instanceof TrustkeyError && error.code === "login_required"
}
