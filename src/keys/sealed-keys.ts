import type { Algorithm, Argon2Cost, PublicKeyBytes, Scheme, SealedSecret } from "../crypto/index.ts"
import { waysToOpen } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord, Purpose } from "../journal/index.ts"
import { encodePublicKey, encodeSealed, type Fields, parsePublicKey, sealedGroupFacts, sealedKeyFacts, toBase64 } from "../signer/index.ts"
import { BackOff } from "./back-off.ts"
import type { GroupFacts } from "./key-facts.ts"
import type { KeyEntry } from "./key-index.ts"
import type { SealedHome } from "./key-store.ts"
import { SignerProcess, type SignerProcessOptions } from "./signer-process.ts"
import { Turns } from "./turns.ts"

/** Keys opened by way of their group, beyond which the one used longest ago is closed. Opening it again takes a millisecond. */
const MOST_OPEN_GROUP_KEYS = 10_000

/** The last use of a key has its answer on the way; somebody may be unlocking the next. */
const RETIRE_LATER_MS = 500

/** How long something stays open, as we know it; the signer enforces the same by itself. */
type Lease = { readonly until: Date | undefined; readonly deadline: number; usesLeft: number }

type OpenKey = { readonly handle: number; readonly lease: Lease }

/** Argon2 takes its time: whoever locks the key meanwhile has the last word. */
type Unlocking = { readonly id: string; lockedMeanwhile: boolean }

/** A group as kept in memory. */
export type Group = {
    readonly facts: GroupFacts
    envelope: Uint8Array
    lease: Lease | undefined
    /** Somebody said lock, or for how long and how often: then only somebody opens it again, not its credential. */
    onlyByCommand: boolean
    /** How often it was locked: an opening that began before the last time must not win. */
    locks: number
}

/** What was locked how often, when an opening began. */
type Moment = { readonly lives: number; readonly locks: number }

export type SealedKeysOptions = {
    readonly process: Omit<SignerProcessOptions, "onEvent" | "onDown" | "onRespawn">
    readonly now: () => Date
    readonly cost: Argon2Cost
    readonly defaultTtlSeconds: number
}

/**
 * Keys whose private half is an envelope of ours: what is open, until when, under which handle of the file signer. The
 * envelopes go through here; what opens them comes sealed for the signer (TK-SEC-2), and what is in them stays there (TK-KEY-1).
 */
export class SealedKeys {
    readonly groups = new Map<string, Group>()
    readonly #process: SignerProcess
    readonly #options: SealedKeysOptions
    readonly #backOff: BackOff
    readonly #guesses = new Turns()
    readonly #own = new Map<string, OpenKey>()
    /** In the order of last use. */
    readonly #byGroup = new Map<string, { readonly handle: number; readonly group: Group }>()
    readonly #opening = new Map<string, Promise<number>>()
    readonly #unlocking = new Set<Unlocking>()
    /** Counts the ends of what a process held: a handle from before means nothing after. */
    #lives = 0
    #retiring: Promise<void> | undefined

    constructor(options: SealedKeysOptions) {
        this.#options = options
        this.#backOff = new BackOff(options.process.monotonic)
        this.#process = new SignerProcess({
            ...options.process,
            onEvent: (event) => this.#onEvent(event),
            onDown: () => this.#forgetAll(),
            onRespawn: () => void this.openByCredential(),
        })
    }

    get process(): SignerProcess {
        return this.#process
    }

    async start(): Promise<void> {
        await this.#process.start()
        await this.openByCredential()
    }

    /** Unattended groups: those with a credential, unless somebody locked them. One that fails is logged and stays locked. */
    async openByCredential(): Promise<void> {
        for (const group of this.groups.values()) {
            const credential = credentialOf(group)
            if (credential === undefined || group.onlyByCommand || this.isGroupOpen(group)) continue
            try {
                await this.#openGroup(group, { kind: "credential", name: credential }, 0, 0)
                this.#options.process.log({ level: "info", event: "group-opened", group: group.facts.name, credential })
            } catch (error) {
                const { code, message: detail } = error instanceof TrustkeyError ? error : { code: "internal", message: "" }
                const record = { level: "error", event: "group-not-opened", group: group.facts.name, credential, code, detail }
                this.#options.process.log(record)
            }
        }
    }

    sign(entry: KeyEntry, scheme: Scheme, message: Uint8Array): Promise<Buffer> {
        const { home, id } = entry.record
        if (home.kind === "group") return this.#signInGroup(entry, this.#group(home.group), scheme, message)
        const open = this.#own.get(id)
        if (open === undefined || isOver(open.lease, this.#monotonic())) return Promise.reject(locked())
        open.lease.usesLeft -= 1
        return this.#process.sign(open.handle, scheme, message)
    }

    async #signInGroup(entry: KeyEntry, group: Group, scheme: Scheme, message: Uint8Array): Promise<Buffer> {
        const { id } = entry.record
        const known = this.#byGroup.get(id)
        const handle = known?.handle ?? (await this.#openInGroup(entry, group))
        // Nothing may come between this look and the call: a handle is good for one life of the process only.
        const { lease } = group
        if (lease === undefined || isOver(lease, this.#monotonic())) throw locked()
        if (known !== undefined && this.#byGroup.size > MOST_OPEN_GROUP_KEYS / 2) {
            this.#byGroup.delete(id)
            this.#byGroup.set(id, known)
        }
        lease.usesLeft -= 1
        return this.#process.sign(handle, scheme, message)
    }

    async #openInGroup(entry: KeyEntry, group: Group): Promise<number> {
        const { id } = entry.record
        const under = this.#opening.get(id)
        if (under !== undefined) return under
        if (!this.isGroupOpen(group)) throw locked()
        const opening = this.#openHandle(entry, group)
        this.#opening.set(id, opening)
        try {
            return await opening
        } finally {
            this.#opening.delete(id)
        }
    }

    async #openHandle(entry: KeyEntry, group: Group): Promise<number> {
        const { lease } = group
        const { record } = entry
        const answer = await this.#process.control("open-key", {
            ...sealedKey(entry),
            publicKey: encodePublicKey(record.publicKey),
            group: group.facts.name,
        })
        const handle = this.#process.understand(() => answer.integer("handle"))
        if (group.lease !== lease) throw locked()
        this.#byGroup.set(record.id, { handle, group })
        this.#closeOldest()
        return handle
    }

    #closeOldest(): void {
        if (this.#byGroup.size <= MOST_OPEN_GROUP_KEYS) return
        for (const [id, { handle }] of this.#byGroup) {
            this.#byGroup.delete(id)
            this.#close(handle)
            break
        }
    }

    /** Frames keep their order, so signatures asked for before are still made. */
    #close(handle: number): void {
        this.#process.control("close-key", { handle }).catch(() => {})
    }

    async generate(
        spec: { readonly algorithm: Algorithm; readonly purpose: Purpose; readonly createdAt: string },
        home: SealedHome,
    ): Promise<{ publicKey: PublicKeyBytes; envelope: Buffer }> {
        return this.#newKey("generate", spec, home)
    }

    /** @throws key_unfit, open_failed, challenge_expired, key_locked */
    async importKey(
        spec: { readonly purpose: Purpose; readonly createdAt: string },
        pkcs8: SealedSecret,
        home: SealedHome,
    ): Promise<{ publicKey: PublicKeyBytes; envelope: Buffer }> {
        const sealed = { sealed: encodeSealed(pkcs8), context: { purpose: "import", subject: "new" } }
        return this.#newKey("import", { ...spec, ...sealed }, home)
    }

    async #newKey(
        operation: "generate" | "import",
        spec: Readonly<Record<string, unknown>>,
        home: SealedHome,
    ): Promise<{ publicKey: PublicKeyBytes; envelope: Buffer }> {
        if (home.kind === "group" && !this.isGroupOpen(this.#group(home.group))) throw locked()
        const wrap =
            home.kind === "group"
                ? { kind: "group", group: home.group }
                : { ...passphrase(home.sealed, "create", "new"), cost: this.#options.cost }
        const answer = await this.#process.control(operation, { ...spec, wrap })
        return this.#process.understand(() => ({
            publicKey: parsePublicKey(answer.fields("publicKey")),
            envelope: answer.bytes("envelope"),
        }))
    }

    async createGroup(facts: GroupFacts, sealed: SealedSecret | undefined, credential: string | undefined): Promise<Buffer> {
        const { cost } = this.#options
        const wraps = [
            ...(sealed === undefined ? [] : [{ ...passphrase(sealed, "create", `group:${facts.name}`), cost }]),
            ...(credential === undefined ? [] : [{ kind: "credential", name: credential, cost }]),
        ]
        const answer = await this.#process.control("create-group", { facts: toBase64(sealedGroupFacts(facts)), wraps })
        return this.#process.understand(() => answer.bytes("envelope"))
    }

    /** @throws open_failed: the wrong passphrase or damage, not said which */
    async unlockKey(entry: KeyEntry, sealed: SealedSecret, ttlSeconds: number, uses: number): Promise<Date | undefined> {
        const { id, publicKey } = entry.record
        const ttl = ttlSeconds || this.#options.defaultTtlSeconds
        const life = this.#lives
        const unlocking: Unlocking = { id, lockedMeanwhile: false }
        this.#unlocking.add(unlocking)
        try {
            const answer = await this.#guarded(id, () =>
                this.#process.control("open-key", {
                    ...sealedKey(entry),
                    publicKey: encodePublicKey(publicKey),
                    opener: passphrase(sealed, "unlock", id),
                    ttlMs: ttl * 1000,
                    uses,
                }),
            )
            const handle = this.#process.understand(() => answer.integer("handle"))
            if (this.#lives !== life) throw locked()
            if (unlocking.lockedMeanwhile) {
                this.#close(handle)
                throw locked()
            }
            this.#closeKey(id)
            const lease = this.#lease(ttl, uses)
            this.#own.set(id, { handle, lease })
            return lease.until
        } finally {
            this.#unlocking.delete(unlocking)
        }
    }

    async unlockGroup(name: string, sealed: SealedSecret | undefined, ttlSeconds: number, uses: number): Promise<Date | undefined> {
        const group = this.#group(name)
        const subject = `group:${name}`
        if (sealed !== undefined) {
            const ttl = ttlSeconds || this.#options.defaultTtlSeconds
            const since = this.#momentOf(group)
            return this.#guarded(subject, () => this.#openGroup(group, passphrase(sealed, "unlock", subject), ttl, uses, since))
        }
        const credential = credentialOf(group)
        if (credential === undefined) throw new TrustkeyError("invalid_request", "this group opens by its passphrase; it has no credential")
        // What needs nobody to open it is not closed by a clock either, unless somebody says so.
        return this.#openGroup(group, { kind: "credential", name: credential }, ttlSeconds, uses)
    }

    async #openGroup(
        group: Group,
        opener: object,
        ttlSeconds: number,
        uses: number,
        since: Moment = this.#momentOf(group),
    ): Promise<Date | undefined> {
        await this.#process.control("open-group", {
            group: group.facts.name,
            ...sealedGroup(group),
            opener,
            ttlMs: ttlSeconds * 1000,
            uses,
        })
        if (this.#lives !== since.lives || group.locks !== since.locks) {
            // Locked meanwhile. By lock --all too: the request may have waited for the fresh process, which has the group open now.
            if (group.lease === undefined) await this.#process.control("close-group", { group: group.facts.name })
            throw locked()
        }
        // The signer closed the handles of an earlier opening.
        this.#forgetHandles(group)
        const lease = this.#lease(ttlSeconds, uses)
        group.lease = lease
        // A crash must not make more of a limited opening than was granted.
        group.onlyByCommand = ttlSeconds !== 0 || uses !== 0
        return lease.until
    }

    #momentOf(group: Group): Moment {
        return { lives: this.#lives, locks: group.locks }
    }

    lockKey(id: string): void {
        for (const unlocking of this.#unlocking) if (unlocking.id === id) unlocking.lockedMeanwhile = true
        this.#closeKey(id)
    }

    #closeKey(id: string): void {
        const own = this.#own.get(id)
        const inGroup = this.#byGroup.get(id)
        this.#own.delete(id)
        this.#byGroup.delete(id)
        for (const handle of [own?.handle, inGroup?.handle]) if (handle !== undefined) this.#close(handle)
    }

    async lockGroup(name: string): Promise<void> {
        const group = this.#group(name)
        group.locks += 1
        group.onlyByCommand = true
        group.lease = undefined
        this.#forgetHandles(group)
        await this.#process.control("close-group", { group: name })
    }

    /** Ends the process: only its end surely wipes what the runtime copied. */
    async lockAll(): Promise<void> {
        for (const group of this.groups.values()) group.onlyByCommand = true
        this.#forgetAll()
        await this.#process.restart()
    }

    /** The new envelope. @throws open_failed */
    async rewrap(subject: KeyEntry | Group, name: string, sealedOld: SealedSecret, sealedNew: SealedSecret): Promise<Buffer> {
        const sealed = "record" in subject ? sealedKey(subject) : sealedGroup(subject)
        const answer = await this.#guarded(name, () =>
            this.#process.control("rewrap", {
                ...sealed,
                opener: passphrase(sealedOld, "passphrase-old", name),
                wrap: { ...passphrase(sealedNew, "passphrase-new", name), cost: this.#options.cost },
            }),
        )
        return this.#process.understand(() => answer.bytes("envelope"))
    }

    /**
     * Have the signer open a key from the ground up, whether it is unlocked or not, by the passphrase of the key or of its group, which was given for
     * `context` and nothing else.
     *
     * @throws open_failed; what the operation throws
     */
    async openFor<T>(
        entry: KeyEntry,
        operation: string,
        { sealed, ...context }: { readonly sealed: SealedSecret; readonly purpose: string; readonly subject: string },
        more: object,
        understand: (answer: Fields) => T,
    ): Promise<T> {
        const { subject, group } = this.#openedWith(entry)
        const answer = await this.#guarded(subject, () =>
            this.#process.control(operation, {
                ...sealedKey(entry),
                publicKey: encodePublicKey(entry.record.publicKey),
                ...group,
                opener: passphrase(sealed, context.purpose, context.subject),
                ...more,
            }),
        )
        return this.#process.understand(() => understand(answer))
    }

    /** By which of our passphrases a key is opened from the ground up, and by which name its tries are counted. */
    #openedWith({ record: { id, home } }: KeyEntry): { readonly subject: string; readonly group: object } {
        if (home.kind !== "group") return { subject: id, group: {} }
        const group = this.#group(home.group)
        return { subject: `group:${group.facts.name}`, group: { group: { name: group.facts.name, ...sealedGroup(group) } } }
    }

    /** What is open now, as far as we know. */
    leaseOf(record: KeyRecord): { readonly until: Date | undefined; readonly usesLeft: number | undefined } | undefined {
        const lease = record.home.kind === "group" ? this.groups.get(record.home.group)?.lease : this.#own.get(record.id)?.lease
        if (lease === undefined || isOver(lease, this.#monotonic())) return undefined
        return { until: lease.until, usesLeft: Number.isFinite(lease.usesLeft) ? lease.usesLeft : undefined }
    }

    isGroupOpen(group: Group): boolean {
        return group.lease !== undefined && !isOver(group.lease, this.#monotonic())
    }

    /** A signature it gave did not verify: nothing of this process can be trusted. */
    distrust(): void {
        this.#process.kill("it gave a bad signature")
    }

    #onEvent(event: Fields): void {
        if (event.text("event") !== "expired") return
        const handles = new Set(event.numbers("handles"))
        for (const [id, open] of this.#own) if (handles.has(open.handle)) this.#own.delete(id)
        for (const name of event.texts("groups")) {
            const group = this.groups.get(name)
            if (group === undefined) continue
            group.lease = undefined
            this.#forgetHandles(group)
        }
        this.#retireWhenEmpty()
    }

    /** The last unlocked key's time is over: end the process that held it. */
    #retireWhenEmpty(): void {
        const isEmpty = this.#own.size === 0 && ![...this.groups.values()].some((group) => group.lease !== undefined)
        if (!isEmpty || this.#retiring !== undefined) return
        if (!this.#process.isIdle) {
            setTimeout(() => this.#retireWhenEmpty(), RETIRE_LATER_MS).unref()
            return
        }
        this.#retiring = this.#process
            .restart()
            .catch(() => {})
            .finally(() => {
                this.#retiring = undefined
            })
    }

    #forgetHandles(group: Group): void {
        for (const [id, open] of this.#byGroup) if (open.group === group) this.#byGroup.delete(id)
    }

    #forgetAll(): void {
        this.#lives += 1
        this.#own.clear()
        this.#byGroup.clear()
        for (const group of this.groups.values()) group.lease = undefined
    }

    /** A group that is stored, and closed. */
    addGroup(facts: GroupFacts, envelope: Uint8Array): void {
        this.groups.set(facts.name, { facts, envelope, lease: undefined, onlyByCommand: false, locks: 0 })
    }

    /** For what the passphrase of `subject` opens, elsewhere than here. */
    guess<T>(subject: string, work: () => Promise<T>): Promise<T> {
        return this.#guarded(subject, work)
    }

    /** One guess at a time, or many at once would all be made before the first of them is known to be wrong. */
    #guarded<T>(subject: string, work: () => Promise<T>): Promise<T> {
        return this.#guesses.take(subject, async () => {
            this.#backOff.check(subject)
            try {
                const result = await work()
                this.#backOff.succeeded(subject)
                return result
            } catch (error) {
                if (error instanceof TrustkeyError && error.code === "open_failed") this.#backOff.failed(subject)
                throw error
            }
        })
    }

    /** From now: Argon2 is done, and the signer's own clock started when it was. */
    #lease(ttlSeconds: number, uses: number): Lease {
        const usesLeft = uses === 0 ? Number.POSITIVE_INFINITY : uses
        if (ttlSeconds === 0) return { until: undefined, deadline: Number.POSITIVE_INFINITY, usesLeft }
        const ttlMs = ttlSeconds * 1000
        return { until: new Date(this.#options.now().getTime() + ttlMs), deadline: this.#monotonic() + ttlMs, usesLeft }
    }

    #group(name: string): Group {
        const group = this.groups.get(name)
        if (group === undefined) throw new TrustkeyError("not_found", "there is no such group")
        return group
    }

    #monotonic(): number {
        return this.#options.process.monotonic()
    }
}

/** The credential that opens a group unattended. */
export function credentialOf(group: Group): string | undefined {
    return waysToOpen(group.envelope).find((way) => way.kind === "credential")?.name
}

export function sealedKey(entry: Pick<KeyEntry, "record" | "envelope">): { envelope: string; facts: string } {
    if (entry.envelope === undefined) throw new TrustkeyError("storage_failed", "the database is damaged: a sealed key has no envelope")
    return { envelope: toBase64(entry.envelope), facts: toBase64(sealedKeyFacts(entry.record)) }
}

export function sealedGroup(group: Group): { envelope: string; facts: string } {
    return { envelope: toBase64(group.envelope), facts: toBase64(sealedGroupFacts(group.facts)) }
}

function passphrase(sealed: SealedSecret, purpose: string, subject: string): object {
    return { kind: "passphrase", sealed: encodeSealed(sealed), context: { purpose, subject } }
}

function isOver(lease: Lease, now: number): boolean {
    return now >= lease.deadline || lease.usesLeft <= 0
}

function locked(): TrustkeyError {
    return new TrustkeyError("key_locked", "the key is locked; unlock it first")
}
