import type { KeyRecord as BackupKeyRecord, GroupRecord } from "../backup/index.ts"
import { type AttestationVerdict, algorithmOf, type NotaryHeaders, type PublicKeyBytes, type SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, Intent, KeyHome, KeyRecord, RestorePlan, TokenHome } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import { namesOneKey, type PivDescription, parsePkcs11Uri, type QuirksFile } from "../signer/index.ts"
import { bytesOf, type Change, optionalBytesOf, type Store, textOf } from "../storage/index.ts"
import { canonicalKeyIdOf, type KeyId, tufKey } from "../tuf/index.ts"
import { type BackupSession, type BackupSpec, type GroupSnapshot, type KeySnapshot, openBackupSession } from "./backup-session.ts"
import { judgeAttestation, knownOfCard, leftBehind, makeOnCard, policiesIn, requireCardOptions, slotOfHome } from "./card-keys.ts"
import { commit } from "./commit.ts"
import { ConfiguredTokens, cardOf, limitsOf } from "./configured-tokens.ts"
import { copyToToken, requireCopy, tokenHomes } from "./copies.ts"
import { IntentSigner } from "./intent-signer.ts"
import { encodeKeyFacts, parseKeyFacts } from "./key-facts.ts"
import { KeyGroups } from "./key-groups.ts"
import { cardHome, ourHome, pinned, tokenHome } from "./key-homes.ts"
import { KeyEntry, KeyIndex } from "./key-index.ts"
import type {
    CopyKeySpec,
    CreateKeySpec,
    EnrollKeySpec,
    ExportKeyFileSpec,
    ExportKeySpec,
    GroupState,
    ImportKeySpec,
    KeyState,
    KeyStore,
    KeyStoreOptions,
    KeySubject,
    TokenObject,
} from "./key-store.ts"
import { exportKey, exportKeyFile } from "./leaving.ts"
import { readQuirksFile } from "./quirks-files.ts"
import { planRestoredKeys } from "./restore-keys.ts"
import { SealedKeys } from "./sealed-keys.ts"
import type { SignerProcessState } from "./signer-process.ts"
import type { TokenExamination } from "./token-examination.ts"
import { importToToken } from "./token-imports.ts"
import { type KnownKey, type LoginLimits, NO_LIMITS, type PinChange, type PinTryRecords } from "./token-logins.ts"
import type { TokenState } from "./token-state.ts"
import { type Occasion, Touches, type TouchListener } from "./touch.ts"
import { Turns } from "./turns.ts"

// Argon2 with 2 GiB, an RSA-4096 key being made: slow, but never this slow.
const FILE_SIGNER_DEADLINE_MS = 60_000
/**
 * The C library overwrites memory that is given back (mallopt(3), M_PERTURB): OpenSSL and Argon2 leave copies of keys and passphrases in it.
 * Blocks that a thread keeps for itself would be left out, so none are kept. Not for PKCS#11 modules: some use what they have given back.
 */
const WIPED_WHEN_FREED = { GLIBC_TUNABLES: "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0" }
const LONGEST_LABEL = 255
const CONTROL_CHARACTERS = /\p{Cc}/u

/**
 * Start the signer processes, open the groups that open unattended, read all public facts.
 *
 * @throws storage_failed, signer_unavailable
 */
export async function openKeyStore(options: KeyStoreOptions): Promise<KeyStore> {
    const quirks = new Map<string, QuirksFile | TrustkeyError>()
    for (const token of options.tokens) {
        const file = await readQuirksFile(options.quirksDirectory, token)
        if (file instanceof TrustkeyError) options.log({ level: "error", event: "quirks-refused", token: token.name, detail: file.message })
        if (file !== undefined) quirks.set(token.name, file)
    }
    const store = new ProcessKeyStore(options, await readTries(options.store), quirks)
    try {
        await store.load()
        await store.start()
    } catch (error) {
        await store.close()
        throw error
    }
    return store
}

async function readTries(store: Store): Promise<PinTryRecords> {
    const rows = await store.read({ kind: "pin-tries" })
    return new Map(rows.map((row) => [textOf(row, "token"), { fingerprint: bytesOf(row, "fingerprint"), salt: bytesOf(row, "salt") }]))
}

class ProcessKeyStore implements KeyStore {
    readonly #options: KeyStoreOptions
    readonly #keys = new KeyIndex()
    readonly #sealed: SealedKeys
    readonly #groups: KeyGroups
    readonly #tokens: ConfiguredTokens
    readonly #signer: IntentSigner
    readonly #turns = new Turns()
    readonly #touches: Touches

    constructor(options: KeyStoreOptions, tries: PinTryRecords, quirks: ReadonlyMap<string, QuirksFile | TrustkeyError>) {
        this.#options = options
        this.#touches = new Touches(options.now)
        const { execPath, nodeFlags, monotonic, log, now, credentialsDirectory, store } = options
        this.#sealed = new SealedKeys({
            process: {
                execPath,
                nodeFlags,
                monotonic,
                log,
                name: "file",
                file: options.signerFiles.file,
                environment: WIPED_WHEN_FREED,
                configuration: { credentialsDirectory },
                deadlineMs: FILE_SIGNER_DEADLINE_MS,
            },
            now,
            cost: options.cost,
            defaultTtlSeconds: options.defaultTtlSeconds,
        })
        const pinCredentials = options.tokens.flatMap(({ pinCredential }) => pinCredential ?? [])
        this.#groups = new KeyGroups(store, this.#sealed, now, pinCredentials)
        this.#tokens = new ConfiguredTokens(options, this.#touches, tries, quirks, (token) => this.#knownOn(token))
        this.#signer = new IntentSigner(this.#sealed, this.#tokens, log)
    }

    *#knownOn(token: string): Iterable<KnownKey> {
        for (const { record } of this.#keys.values()) {
            if (record.removedAt !== undefined) continue
            for (const home of tokenHomes(record)) {
                if (home.token !== token) continue
                yield { serial: home.serial, id: parsePkcs11Uri(home.uri).id ?? new Uint8Array(), publicKey: record.publicKey }
            }
        }
    }

    async load(): Promise<void> {
        await this.#groups.load()
        for (const row of await this.#options.store.read({ kind: "keys" })) {
            const facts = textOf(row, "facts")
            this.#keys.add(new KeyEntry(parseKeyFacts(textOf(row, "id"), facts), optionalBytesOf(row, "envelope"), facts))
        }
    }

    async start(): Promise<void> {
        // A token's module may hang or fail for as long as it likes: its keys are unavailable then, and nothing else is.
        await Promise.all([this.#sealed.start(), ...this.#tokens.all.map((token) => token.start())])
    }

    find(idOrPrefix: string): KeyRecord | undefined {
        return this.#keys.find(idOrPrefix)?.record
    }

    *list(): Iterable<KeyRecord> {
        for (const entry of this.#keys.values()) yield entry.record
    }

    state(id: string): KeyState {
        const record = this.#keys.get(id)?.record
        if (record === undefined || record.removedAt !== undefined) return { state: "removed", ready: false }
        const states = tokenHomes(record).map((home) => this.#tokens.stateOn(home))
        // Any of them signs.
        return bestState(record.home.kind === "token" ? states : [this.#stateHere(record), ...states])
    }

    #stateHere(record: KeyRecord): KeyState {
        const lease = this.#sealed.leaseOf(record)
        return lease === undefined ? { state: "locked", ready: false } : { state: "unlocked", ready: true, ...limitsOf(lease) }
    }

    isPresent(home: TokenHome): boolean {
        return this.#tokens.stateOn(home).state !== "absent"
    }

    async challenge(purpose: string, subject: string, owner = ""): Promise<{ signerPublic: Uint8Array; nonce: Uint8Array }> {
        const signer = this.#signerFor(subject)
        const answer = await signer.control("challenge", { purpose, subject, owner })
        return signer.understand(() => ({ signerPublic: answer.bytes("signerPublic"), nonce: answer.bytes("nonce") }))
    }

    #signerFor(subject: string): SealedKeys["process"] {
        if (subject.startsWith("token:")) return this.#tokens.get(subject.slice("token:".length)).process
        const home = this.#keys.get(subject)?.record.home
        return home?.kind === "token" ? this.#tokens.get(home.token).process : this.#sealed.process
    }

    async create(spec: CreateKeySpec): Promise<KeyRecord> {
        checkLabel(spec.label)
        const createdAt = this.#options.now().toISOString()
        const { home } = spec
        if (home.kind === "token") {
            const token = this.#tokens.get(home.token)
            if (home.card !== undefined) {
                const made = await makeOnCard(token, spec.algorithm, home.card, spec.asker)
                return leftBehind(token, home.card, () =>
                    this.#insert(spec, made.publicKey, cardHome(token, made), "generated", createdAt, undefined),
                )
            }
            requireCardOptions(token, undefined)
            const made = await token.generate(spec.algorithm, spec.label)
            return this.#insert(spec, pinned(made.publicKey), tokenHome(token, made), "generated", createdAt, undefined)
        }
        const { algorithm, purpose } = spec
        const { publicKey, envelope } = await this.#sealed.generate({ algorithm, purpose, createdAt }, home)
        return this.#insert(spec, publicKey, ourHome(home), "generated", createdAt, envelope)
    }

    async importKey(spec: ImportKeySpec): Promise<KeyRecord> {
        checkLabel(spec.label)
        const createdAt = this.#options.now().toISOString()
        const { home, purpose } = spec
        if (home.kind === "token") {
            const token = this.#tokens.get(home.token)
            const known = [...this.#knownOn(home.token)]
            const placed = await importToToken(token, known, spec, home)
            spec.checkAlgorithm(algorithmOf(placed.publicKey))
            // TK-KEY-3: whatever the token says of it later.
            return placed.orLeftBehind(() => this.#insert(spec, placed.publicKey, placed.home, "imported", createdAt, undefined))
        }
        const { publicKey, envelope } = await this.#sealed.importKey({ purpose, createdAt }, spec.pkcs8, home)
        spec.checkAlgorithm(algorithmOf(publicKey))
        return this.#insert(spec, publicKey, ourHome(home), "imported", createdAt, envelope)
    }

    async enroll(spec: EnrollKeySpec): Promise<KeyRecord> {
        checkLabel(spec.label)
        if (!namesOneKey(parsePkcs11Uri(spec.uri))) {
            throw new TrustkeyError("invalid_request", "the URI must name the token (serial or token) and the key (id or object)")
        }
        const token = this.#tokens.get(spec.token)
        const card = await cardOf(token)
        const found = await token.find(spec.uri, spec.asker, policiesIn(card, parsePkcs11Uri(spec.uri).id))
        const publicKey = pinned(found.publicKey)
        const { imported, ...known } = await knownOfCard(token, card, publicKey, found.id)
        const home = { ...tokenHome(token, found), ...known }
        spec.checkHome?.(home, token.isYubikey)
        // TK-KEY-3: what the token does not claim to have made itself counts as imported, for ever.
        const origin = found.local && !imported ? "generated" : "imported"
        return this.#insert(spec, publicKey, home, origin, this.#options.now().toISOString(), undefined)
    }

    async #insert(
        spec: Pick<CreateKeySpec, "purpose" | "label" | "bindings" | "madeBy">,
        publicKey: PublicKeyBytes,
        home: KeyHome,
        origin: KeyRecord["origin"],
        createdAt: string,
        envelope: Uint8Array | undefined,
    ): Promise<KeyRecord> {
        const id = canonicalKeyIdOf(tufKey(publicKey))
        const { purpose, label, madeBy } = spec
        const bindings = withBindings([], spec.bindings, [])
        const facts = { id, publicKey, algorithm: algorithmOf(publicKey), purpose, label, bindings, home, origin, createdAt }
        const record: KeyRecord = madeBy === undefined ? facts : { ...facts, madeBy }
        await commit(this.#options.store, [{ kind: "key.insert", id, facts: encodeKeyFacts(record), envelope: envelope ?? null }], () =>
            this.#whyKnown(id),
        )
        this.#keys.add(new KeyEntry(record, envelope))
        return record
    }

    #whyKnown(id: KeyId): string {
        const removedAt = this.#keys.get(id)?.record.removedAt
        if (removedAt === undefined) return `this key is here already: ${id}`
        return `this key was removed on ${removedAt.slice(0, 10)}, and a removed key never comes back: ${id}`
    }

    bind(id: string, add: readonly Binding[], remove: readonly Binding[]): Promise<KeyRecord> {
        return this.#turns.take(id, async () => {
            const entry = this.#usable(id)
            const record = { ...entry.record, bindings: withBindings(entry.record.bindings, add, remove) }
            await commit(this.#options.store, [{ kind: "key.facts", id, facts: encodeKeyFacts(record), previous: entry.stored }])
            entry.replace(record)
            return record
        })
    }

    remove(id: string): Promise<KeyRecord> {
        return this.#turns.take(id, async () => {
            const entry = this.#usable(id)
            this.#forget(entry.record)
            const record = { ...entry.record, removedAt: this.#options.now().toISOString() }
            const { envelope } = entry
            await commit(this.#options.store, [
                { kind: "key.facts", id, facts: encodeKeyFacts(record), previous: entry.stored },
                ...(envelope === undefined ? [] : [{ kind: "key.envelope", id, envelope: null, previous: envelope } as const]),
            ])
            entry.replace(record)
            entry.envelope = undefined
            // Once more: it may have been unlocked while we wrote.
            this.#forget(record)
            return record
        })
    }

    copy(spec: CopyKeySpec): Promise<KeyRecord> {
        return this.#turns.take(spec.keyId, async () => {
            const entry = this.#usable(spec.keyId)
            const { record } = entry
            if (spec.from.kind === "sealed" && record.home.kind === "token")
                throw new TrustkeyError(
                    "key_unfit",
                    "this key is on a token, which gives it to nobody: a copy is made while it is sealed here",
                )
            if (tokenHomes(record).some(({ token }) => token === spec.token))
                throw new TrustkeyError("already_exists", `this key lies on token ${spec.token} already`)
            const token = this.#tokens.get(spec.token)
            const rooms = { sealed: this.#sealed, token, known: [...this.#knownOn(spec.token)] }
            const home = await copyToToken(rooms, entry, spec)
            spec.checkHome?.(home, token.isYubikey)
            return await this.#keepFacts(entry, { ...record, copies: [...(record.copies ?? []), home] })
        })
    }

    exportKey(spec: ExportKeySpec): Promise<Buffer> {
        return this.#turns.take(spec.keyId, async () => exportKey(this.#sealed, this.#exportable(spec.keyId), spec))
    }

    exportKeyFile(spec: ExportKeyFileSpec): Promise<Buffer> {
        return this.#turns.take(spec.keyId, async () => exportKeyFile(this.#sealed, this.#exportable(spec.keyId), spec))
    }

    #exportable(id: string): KeyEntry {
        const entry = this.#usable(id)
        if (entry.record.home.kind !== "token") return entry
        throw new TrustkeyError("key_unfit", "this key is on a token, which gives it to nobody: it can't be exported")
    }

    forgetSealed(id: string, asker?: Principal): Promise<KeyRecord> {
        return this.#turns.take(id, async () => {
            const entry = this.#usable(id)
            const { record, envelope } = entry
            const [home, ...copies] = record.copies ?? []
            if (record.home.kind === "token" || home === undefined || envelope === undefined)
                throw new TrustkeyError("key_unfit", "this key is not sealed here with a copy on a token besides")
            await requireCopy(record, (token) => this.#tokens.get(token), asker)
            this.#sealed.lockKey(id)
            const { copies: _, ...rest } = record
            const next = { ...rest, home, ...(copies.length === 0 ? {} : { copies }) }
            await this.#keepFacts(entry, next, [{ kind: "key.envelope", id, envelope: null, previous: envelope }])
            entry.envelope = undefined
            // Once more: it may have been unlocked while we wrote.
            this.#sealed.lockKey(id)
            return next
        })
    }

    async #keepFacts(entry: KeyEntry, record: KeyRecord, more: readonly Change[] = []): Promise<KeyRecord> {
        const change = { kind: "key.facts", id: record.id, facts: encodeKeyFacts(record), previous: entry.stored } as const
        await commit(this.#options.store, [change, ...more])
        entry.replace(record)
        return record
    }

    #forget(record: KeyRecord): void {
        for (const home of tokenHomes(record)) this.#tokens.find(home.token)?.forget(record.id)
        if (record.home.kind !== "token") this.#sealed.lockKey(record.id)
    }

    async unlock(subject: KeySubject, sealed: SealedSecret | undefined, ttlSeconds: number, uses: number): Promise<Date | undefined> {
        if ("group" in subject) return this.#sealed.unlockGroup(subject.group, sealed, ttlSeconds, uses)
        const entry = this.#sealedEntry(subject.keyId)
        if (sealed === undefined) throw new TrustkeyError("invalid_request", "this key opens with its passphrase")
        return this.#sealed.unlockKey(entry, sealed, ttlSeconds, uses)
    }

    async lock(subject: KeySubject | "all"): Promise<void> {
        if (subject === "all") {
            const ends = [this.#sealed.lockAll(), ...this.#tokens.all.map((token) => token.lockAll())]
            const results = await Promise.allSettled(ends)
            // A fresh process that fails to start holds nothing; only the old ones' end was promised.
            for (const result of results)
                if (result.status === "rejected") this.#options.log({ level: "error", event: "signer-not-restarted" })
            return
        }
        if ("group" in subject) return this.#sealed.lockGroup(subject.group)
        this.#sealed.lockKey(this.#sealedEntry(subject.keyId).record.id)
    }

    changePassphrase(subject: KeySubject, sealedOld: SealedSecret, sealedNew: SealedSecret): Promise<void> {
        if ("group" in subject)
            return this.#turns.take(`group:${subject.group}`, () => this.#groups.rewrap(subject.group, sealedOld, sealedNew))
        return this.#turns.take(subject.keyId, async () => {
            const entry = this.#sealedEntry(subject.keyId)
            const { envelope: previous } = entry
            const { id } = entry.record
            const envelope = await this.#sealed.rewrap(entry, id, sealedOld, sealedNew)
            if (previous === undefined) throw new TrustkeyError("not_found", "there is no such key")
            await commit(this.#options.store, [{ kind: "key.envelope", id, envelope, previous }])
            entry.envelope = envelope
        })
    }

    createGroup(name: string, sealed: SealedSecret | undefined, credential: string | undefined): Promise<void> {
        return this.#groups.create(name, sealed, credential)
    }

    groups(): readonly GroupState[] {
        return this.#groups.list(this.list())
    }

    tokens(): Promise<readonly TokenState[]> {
        return Promise.all(this.#tokens.all.map((token) => token.refresh()))
    }

    login(token: string, sealed: SealedSecret | undefined, evenFinalTry: boolean, limits: LoginLimits = NO_LIMITS): Promise<TokenState> {
        return this.#tokens.get(token).login(sealed, evenFinalTry, limits)
    }

    changePin(token: string, change: PinChange): Promise<TokenState> {
        return this.#tokens.get(token).changePin(change)
    }

    logout(token: string): Promise<TokenState> {
        return this.#tokens.get(token).logout()
    }

    examine(tokenOrUri: string, write: boolean): Promise<TokenExamination> {
        return this.#tokens.examine(tokenOrUri, write)
    }

    objects(name: string): Promise<readonly TokenObject[]> {
        return this.#tokens.objects(name)
    }

    describeToken(name: string): Promise<{ readonly state: TokenState; readonly card: PivDescription | undefined }> {
        return this.#tokens.describe(name)
    }

    judgeAttestation(record: KeyRecord): AttestationVerdict | undefined {
        const { home } = record
        return home.kind === "token" ? judgeAttestation(record, this.#options.attestationRoots?.get(home.token)) : undefined
    }

    async putCertificate(id: string, certificate: Uint8Array, managementKey: SealedSecret, replace: string | undefined): Promise<void> {
        const { home } = this.#usable(id).record
        if (home.kind !== "token") throw noYubikey()
        await this.#tokens.get(home.token).piv.putCertificate(slotOfHome(home), certificate, managementKey, replace)
    }

    async sign(intent: Intent, occasion?: Occasion): Promise<Uint8Array> {
        return await this.#signer.sign(this.#usable(intent.key.id), intent, occasion)
    }

    watchTouches(listener: TouchListener): () => void {
        return this.#touches.watch(listener)
    }

    snapshot(): { readonly keys: readonly KeySnapshot[]; readonly groups: readonly GroupSnapshot[] } {
        const keys = Array.from(this.#keys.values(), ({ record, envelope }) => ({ record, envelope }))
        const groups = Array.from(this.#sealed.groups.values(), ({ facts, envelope }) => ({ ...facts, envelope }))
        keys.sort((left, right) => (left.record.id < right.record.id ? -1 : 1))
        groups.sort((left, right) => (left.name < right.name ? -1 : 1))
        return { keys, groups }
    }

    openBackup(spec: BackupSpec, headersOf: (record: KeyRecord) => NotaryHeaders): Promise<BackupSession> {
        return openBackupSession(this.#sealed, spec, (id) => this.#keys.get(id), headersOf)
    }

    planRestore(groups: readonly GroupRecord[], keys: readonly BackupKeyRecord[]): Promise<RestorePlan> {
        return planRestoredKeys(this.#keys, this.#sealed, groups, keys)
    }

    signers(): readonly SignerProcessState[] {
        return [this.#sealed.process.state, ...this.#tokens.all.map((token) => token.signerState)]
    }

    async close(): Promise<void> {
        await Promise.all([this.#sealed.process.close(), ...this.#tokens.all.map((token) => token.process.close())])
    }

    /** @throws not_found also for a removed one */
    #usable(id: string): KeyEntry {
        const entry = this.#keys.get(id)
        if (entry === undefined || entry.record.removedAt !== undefined) throw new TrustkeyError("not_found", "there is no such key")
        return entry
    }

    #sealedEntry(id: string): KeyEntry {
        const entry = this.#usable(id)
        if (entry.record.home.kind === "token") {
            throw new TrustkeyError("invalid_request", "this key is on a token: log in to the token, or out of it")
        }
        if (entry.record.home.kind === "group") {
            throw new TrustkeyError("invalid_request", `this key opens with its group, ${entry.record.home.group}`)
        }
        return entry
    }
}

/** Of a key that lies in several places: the one that needs least. */
function bestState([first, ...others]: readonly KeyState[]): KeyState {
    const rank = ({ state, ready }: KeyState): number => (ready ? 0 : state === "unlocked" ? 1 : state === "locked" ? 2 : 3)
    return others.reduce((best, next) => (rank(next) < rank(best) ? next : best), first ?? { state: "absent", ready: false })
}

function noYubikey(): TrustkeyError {
    return new TrustkeyError(
        "invalid_request",
        "slots, policies and certificates are a YubiKey's, and this token is none that can be reached",
    )
}

function withBindings(before: readonly Binding[], add: readonly Binding[], remove: readonly Binding[]): readonly Binding[] {
    const name = (binding: Binding): string => `${binding.gun} ${binding.role}`
    const gone = new Set(remove.map(name))
    const all = new Map([...before, ...add].map((binding) => [name(binding), binding]))
    return [...all].filter(([key]) => !gone.has(key)).map(([, binding]) => binding)
}

function checkLabel(label: string): void {
    if (label.length > LONGEST_LABEL || CONTROL_CHARACTERS.test(label)) {
        throw new TrustkeyError("invalid_request", `a label has at most ${LONGEST_LABEL} characters, none of them a control character`)
    }
}
