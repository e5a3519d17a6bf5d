import { canaryMessage, certificateScheme, sha256, tufScheme } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Permit } from "../policy/index.ts"
import { bytesOf, type Change, Conflict, integerOf, optionalBytesOf, type Store } from "../storage/index.ts"
import { type Gun, type KeyId, lineageOf, type MetadataFile, ROOT, type RoleName, type SignedMetadata } from "../tuf/index.ts"
import { backupOf, type JournalBackup } from "./backup.ts"
import { Intent, type IntentFacts, type IntentKind } from "./intent.ts"
import type { KeyRecord } from "./key-record.ts"
import { loadState } from "./load.ts"
import { checkMark, type Mark } from "./mark.ts"
import { planObservation } from "./observe.ts"
import { type PromisedRoot, readPromisedRoot } from "./promised-root.ts"
import { markOf, type Repository, RepositoryState } from "./repository.ts"
import { planRestoredJournal, type RestoredJournal } from "./restore.ts"
import type { RestorePlan } from "./restore-change.ts"
import { entryOf } from "./rows.ts"

/** A SHA-256. */
const CHALLENGE_LENGTH = 32

export type JournalEntry = {
    readonly sequence: number
    readonly kind: string
    readonly gun: string
    readonly lineage: string
    readonly role: string
    readonly version: number
    /** Of the promised bytes, lowercase hex. */
    readonly sha256: string
    readonly keyId: string
    readonly state: "promised" | "signed" | "void"
    /** RFC 3339, UTC */
    readonly promisedAt: string
}

export type JournalFilter = { readonly gun?: Gun; readonly role?: RoleName; readonly after: number; readonly limit: number }

export interface Journal {
    /** The repository as promised and seen so far; undefined: never heard of. */
    repository(gun: Gun): Repository | undefined
    repositories(): readonly Repository[]

    /**
     * Promise to sign `metadata` with `key`. TK-JRN-3: when this resolves, the promise is on stable storage and the role's mark
     * has moved. It cannot be taken back: a crash before the signature is made counts as a signature made. The same content
     * under the same version is a retry and yields the stored signature, if one was made. Root version 1 of a GUN without an
     * active lineage begins one.
     *
     * @throws rollback_refused, equivocation_refused, root_rejected, repository_unknown: nothing was written.
     * @throws storage_failed: something may have been; the next start finds out.
     */
    commitMetadata(permit: Permit<"sign">, key: KeyRecord, gun: Gun, metadata: SignedMetadata): Promise<Intent>

    /**
     * Take in what other holders signed without us, as if we had promised it: the mark moves, and no key is used.
     *
     * @throws as commitMetadata
     */
    commitForeign(gun: Gun, metadata: SignedMetadata): Promise<void>

    /** The root that was begun and is not complete: to go on with it, or to void it. */
    promisedRoot(gun: Gun): Promise<PromisedRoot | undefined>

    /** Promise to sign a DER CertificationRequestInfo for a root key's certificate. */
    commitCertificateRequest(permit: Permit<"certificate">, key: KeyRecord, gun: Gun, info: Uint8Array): Promise<Intent>

    /** Promise to sign a root certificate's DER TBSCertificate. */
    commitCertificate(permit: Permit<"certificate">, key: KeyRecord, gun: Gun, tbs: Uint8Array): Promise<Intent>

    /** Promise to sign the DER TBSCertificate of what lies beside a root key on its card. Another one each time: nothing rests on it. */
    commitCardCertificate(permit: Permit<"certificate">, key: KeyRecord, tbs: Uint8Array): Promise<Intent>

    /**
     * Promise to sign the close of a ceremony. TK-JRN-2 for ceremonies: one content per plan (its hash) and key; the same again is a retry.
     *
     * @throws equivocation_refused: nothing was written.
     */
    commitClose(permit: Permit<"ceremony">, key: KeyRecord, plan: string, statement: Uint8Array): Promise<Intent>

    /** Promise to sign the canary of a drill's challenge, 32 bytes: it shows that the key signs, and nothing else. Another one each time. */
    commitCanary(permit: Permit<"restore">, key: KeyRecord, challenge: Uint8Array): Promise<Intent>

    /**
     * Keep a verified signature with its promise, so that a retry gets the same bytes.
     *
     * @returns the one kept: when two requests raced, the first.
     */
    signed(intent: Intent, signature: Uint8Array): Promise<Uint8Array>

    certificate(keyId: KeyId, gun: Gun): string | undefined
    /** Whether a certificate of this key was ever kept, for whatever GUN: a root may trust the key then. */
    isCertified(keyId: KeyId): boolean
    /** The first certificate kept for a key and a GUN stays: resolves to that one. */
    keepCertificate(keyId: KeyId, gun: Gun, pem: string): Promise<string>
    /** But an authority's takes the place of the one kept, if that is still `previous`. @throws rollback_refused: another is kept meanwhile */
    replaceCertificate(keyId: KeyId, gun: Gun, pem: string, previous: string): Promise<void>

    /**
     * Complete files, ready to be published: into the outbox, in one commit. Again with the same files: nothing changes.
     *
     * @throws rollback_refused: a version is not promised any more, or published already as another file; nothing was written.
     */
    release(gun: Gun, files: readonly MetadataFile[]): Promise<void>

    /**
     * Take note of verified published files. Marks rise, never fall (TK-JRN-4).
     *
     * @returns the roles that left the outbox
     * @throws rollback_detected, verification_failed: nothing was written.
     */
    observe(gun: Gun, files: readonly MetadataFile[]): Promise<readonly RoleName[]>

    /** Begin a lineage made elsewhere. `files`: every root from version 1, then the current files; all verified by the caller. */
    adopt(gun: Gun, files: readonly MetadataFile[]): Promise<void>

    /** End the current lineage; its marks are kept. */
    reset(gun: Gun): Promise<void>

    /** Void an unpublished root promise. The record stays; a voided root version 1 ends its lineage. */
    void(gun: Gun, version: number, who: string): Promise<void>

    show(filter: JournalFilter): Promise<readonly JournalEntry[]>

    /** What a backup has of it. @throws storage_failed */
    backup(): Promise<JournalBackup>

    /** What of a backup would be taken in: see RestorePlan. Between this and `apply` nothing else may be asked of the journal. @throws storage_failed */
    planRestore(given: RestoredJournal): Promise<RestorePlan>

    /**
     * All changes of the plans in one commit, on stable storage when this resolves; then each is applied.
     *
     * @throws already_exists: something was changed since the plans were made; nothing was written. storage_failed
     */
    restore(permit: Permit<"restore">, plans: readonly RestorePlan[]): Promise<void>
}

/** Read everything back and carry on where the last process stopped. @throws storage_failed */
export async function openJournal(store: Store, now: () => Date): Promise<Journal> {
    return new StoredJournal(store, now, await loadState(store))
}

class StoredJournal implements Journal {
    readonly #store: Store
    readonly #now: () => Date
    readonly #repositories: Map<string, RepositoryState>
    readonly #certificates: Map<string, string>
    readonly #certified: Set<string>
    #sequence: number
    // What is checked against memory must be on disk before a retry may lean on it.
    readonly #pending = new Map<string, Promise<void>>()
    // Closes are few, and each must see the one before it on disk.
    #lastClose: Promise<unknown> = Promise.resolve()

    constructor(store: Store, now: () => Date, loaded: Awaited<ReturnType<typeof loadState>>) {
        this.#store = store
        this.#now = now
        this.#repositories = loaded.repositories
        this.#certificates = loaded.certificates
        this.#certified = loaded.certified
        this.#sequence = loaded.nextSequence
    }

    repository(gun: Gun): Repository | undefined {
        return this.#repositories.get(gun)
    }

    repositories(): readonly Repository[] {
        return [...this.#repositories.values()]
    }

    async commitMetadata(permit: Permit<"sign">, key: KeyRecord, gun: Gun, metadata: SignedMetadata): Promise<Intent> {
        requirePlace(permit, gun, metadata.role)
        // What we bear in files of others is more than what we sign.
        if (!metadata.isFitToSign) throw new TrustkeyError("internal", "metadata that was not checked for signing")
        const mark = markOf(metadata)
        let place = this.#placeOf(gun, metadata)
        checkMark(metadata.role, place.mark, mark)
        const facts = {
            kind: "notary-metadata" as const,
            key,
            scheme: tufScheme(key.algorithm),
            bytes: metadata.bytes,
            gun,
            lineage: place.lineage,
            role: metadata.role,
            version: mark.version,
        }
        // Also after waiting: another request may have promised the same with the same key while we looked.
        for (let seen = -1; place.mark?.version === mark.version && seen !== place.state?.promisesOf(metadata.role); ) {
            seen = place.state?.promisesOf(metadata.role) ?? 0
            const earlier = await this.#earlier(facts)
            if (earlier !== undefined) return earlier
            place = this.#placeOf(gun, metadata)
            checkMark(metadata.role, place.mark, mark)
            if (place.lineage !== facts.lineage) throw unknownRepository(gun)
        }
        const { state, lineage } = place
        // From here to the commit's hand-over nothing waits: memory and the order on disk agree.
        const changes: Change[] = []
        if (state?.state !== "active") {
            if (state?.oldLineages.includes(lineage))
                throw new TrustkeyError("rollback_refused", `this root version 1 began a lineage of ${gun} that has ended`)
            const fresh = state ?? new RepositoryState(gun)
            fresh.begin(lineage, "born")
            this.#repositories.set(gun, fresh)
            changes.push({ kind: "lineage.insert", gun, lineage, origin: "born", at: this.#now().toISOString() })
        }
        this.#repositories.get(gun)?.promise(metadata)
        changes.push({ kind: "mark.raise", gun, lineage, role: metadata.role, ...mark })
        const sequence = this.#sequence++
        changes.push(this.#promise(sequence, facts, mark.sha256))
        await this.#commit(placeKey(lineage, metadata.role), changes)
        return new Intent({ ...facts, sequence, signature: undefined })
    }

    async commitForeign(gun: Gun, metadata: SignedMetadata): Promise<void> {
        const state = this.#active(gun)
        const mark = markOf(metadata)
        const known = state.marks.get(metadata.role)
        checkMark(metadata.role, known, mark)
        if (known?.version === mark.version) return
        const raise: Change = { kind: "mark.raise", gun, lineage: state.lineage, role: metadata.role, ...mark }
        await this.#handOver([raise], () => state.promise(metadata))
    }

    async promisedRoot(gun: Gun): Promise<PromisedRoot | undefined> {
        const state = this.#repositories.get(gun)
        if (state === undefined) return undefined
        await this.#pending.get(placeKey(state.lineage, ROOT))
        return await readPromisedRoot(this.#store, state)
    }

    async commitCertificate(permit: Permit<"certificate">, key: KeyRecord, gun: Gun, tbs: Uint8Array): Promise<Intent> {
        requirePlace(permit, gun, ROOT)
        return await this.#promiseCertificate("root-certificate", key, gun, tbs)
    }

    async commitCertificateRequest(permit: Permit<"certificate">, key: KeyRecord, gun: Gun, info: Uint8Array): Promise<Intent> {
        requirePlace(permit, gun, ROOT)
        return await this.#promiseCertificate("certificate-request", key, gun, info)
    }

    async commitCardCertificate(permit: Permit<"certificate">, key: KeyRecord, tbs: Uint8Array): Promise<Intent> {
        // TK-POL-3: a signature counts wherever its key is trusted.
        for (const { gun, role } of key.bindings) requirePlace(permit, gun, role)
        return await this.#promiseCertificate("card-certificate", key, "", tbs)
    }

    async commitCanary(permit: Permit<"restore">, key: KeyRecord, challenge: Uint8Array): Promise<Intent> {
        if (permit.action !== "restore" || challenge.length !== CHALLENGE_LENGTH)
            throw new TrustkeyError("internal", "a permit for another act, or a challenge that is none")
        const place = { gun: "" as const, lineage: "", role: ROOT, version: 0 }
        const bytes = canaryMessage(challenge)
        const facts = { kind: "canary" as const, key, scheme: tufScheme(key.algorithm), bytes, ...place }
        const sequence = this.#sequence++
        await this.#commit("", [this.#promise(sequence, facts, sha256(bytes).toString("hex"))])
        return new Intent({ ...facts, sequence, signature: undefined })
    }

    async commitClose(permit: Permit<"ceremony">, key: KeyRecord, plan: string, statement: Uint8Array): Promise<Intent> {
        if (permit.action !== "ceremony" || key.purpose !== "ceremony") throw new TrustkeyError("internal", "a permit for another act")
        const before = this.#lastClose
        const mine = (async () => {
            await before.catch(() => undefined)
            return await this.#promiseClose(key, plan, statement)
        })()
        this.#lastClose = mine.catch(() => undefined)
        return await mine
    }

    async #promiseClose(key: KeyRecord, plan: string, statement: Uint8Array): Promise<Intent> {
        const place = { gun: "" as const, lineage: plan, role: ROOT, version: 0 }
        const facts = { kind: "ceremony-close" as const, key, scheme: tufScheme(key.algorithm), bytes: statement, ...place }
        const earlier = await this.#earlier(facts)
        if (earlier !== undefined) return earlier
        const sequence = this.#sequence++
        await this.#commit("", [this.#promise(sequence, facts, sha256(statement).toString("hex"))])
        return new Intent({ ...facts, sequence, signature: undefined })
    }

    async #promiseCertificate(
        kind: Exclude<IntentKind, "notary-metadata" | "ceremony-close">,
        key: KeyRecord,
        gun: Gun | "",
        tbs: Uint8Array,
    ): Promise<Intent> {
        const place = { gun, lineage: "", role: ROOT, version: 0 }
        const facts = { kind, key, scheme: certificateScheme(key.algorithm), bytes: tbs, ...place }
        const sequence = this.#sequence++
        await this.#commit("", [this.#promise(sequence, facts, sha256(tbs).toString("hex"))])
        return new Intent({ ...facts, sequence, signature: undefined })
    }

    async signed(intent: Intent, signature: Uint8Array): Promise<Uint8Array> {
        if (intent.signature !== undefined) return intent.signature
        try {
            await this.#store.commit([{ kind: "intent.signed", sequence: intent.sequence, signature }])
            return signature
        } catch (error) {
            if (!(error instanceof Conflict)) throw error
            const kept = (await this.#earlier(intent))?.signature
            if (kept === undefined) throw new TrustkeyError("rollback_refused", "the promise was voided meanwhile", { cause: error })
            return kept
        }
    }

    certificate(keyId: KeyId, gun: Gun): string | undefined {
        return this.#certificates.get(`${keyId} ${gun}`)
    }

    isCertified(keyId: KeyId): boolean {
        return this.#certified.has(keyId)
    }

    async keepCertificate(keyId: KeyId, gun: Gun, pem: string): Promise<string> {
        const kept = this.certificate(keyId, gun)
        if (kept !== undefined) return kept
        this.#certificates.set(`${keyId} ${gun}`, pem)
        this.#certified.add(keyId)
        await this.#store.commit([{ kind: "certificate.put", keyId, gun, pem }])
        return pem
    }

    async replaceCertificate(keyId: KeyId, gun: Gun, pem: string, previous: string): Promise<void> {
        const kept = this.certificate(keyId, gun)
        if (kept === pem) return
        if (kept !== previous) throw new TrustkeyError("rollback_refused", "another certificate is kept for this key meanwhile; ask again")
        this.#certificates.set(`${keyId} ${gun}`, pem)
        await this.#store.commit([{ kind: "certificate.replace", keyId, gun, pem, previous }])
    }

    async release(gun: Gun, files: readonly MetadataFile[]): Promise<void> {
        const state = this.#active(gun)
        const place = { gun, lineage: state.lineage }
        const changes: Change[] = []
        const steps: (() => void)[] = []
        const at = this.#now().toISOString()
        for (const file of files) {
            const { version, sha256 } = markOf(file.signed)
            requirePromised(state, file)
            if (isKnown(state, file) || isOvertaken(state, file)) continue
            requireUnpublished(state, file)
            // An unpublished older file is of no use any more, but for roots: clients walk them one by one.
            const replaced = (waiting: MetadataFile): boolean =>
                waiting.role === file.role && (file.role !== "root" || waiting.signed.document.version === version)
            for (const older of state.outbox.filter(replaced)) {
                changes.push({ kind: "outbox.remove", ...place, role: older.role, version: older.signed.document.version })
                steps.push(() => {
                    state.outbox = state.outbox.filter((other) => other !== older)
                })
            }
            changes.push({ kind: "outbox.put", ...place, role: file.role, version, sha256, content: file.content, at })
            steps.push(() => state.outbox.push(file))
            if (file.role !== "root") {
                changes.push({ kind: "document.put", ...place, role: file.role, version, sha256, content: file.content })
                steps.push(() => state.putDocument(file))
            }
        }
        if (changes.length === 0) return
        await this.#handOver(changes, () => {
            for (const step of steps) step()
        })
    }

    async observe(gun: Gun, files: readonly MetadataFile[]): Promise<readonly RoleName[]> {
        const { changes, apply, published } = planObservation(this.#active(gun), files)
        if (changes.length > 0) await this.#handOver(changes, apply)
        return published
    }

    async adopt(gun: Gun, files: readonly MetadataFile[]): Promise<void> {
        const first = files.find((file) => file.role === "root" && file.signed.document.version === 1)
        if (first === undefined) throw new TrustkeyError("invalid_request", "the root chain must begin with version 1")
        const lineage = lineageOf(first.signed)
        // It may have been reset by mistake. Its marks were kept, and still hold.
        const ended = this.#repositories.get(gun)?.oldLineages.includes(lineage) === true
        const revived = ended ? (await loadState(this.#store, { gun, lineage })).repositories.get(gun) : undefined
        const known = this.#repositories.get(gun)
        if (known?.state === "active") {
            if (known.lineage === lineage) {
                await this.observe(gun, files)
                return
            }
            throw new TrustkeyError(
                "already_exists",
                `${gun} has another lineage, ${known.lineage.slice(0, 8)}; end it with trust reset first`,
            )
        }
        const state = revived ?? new RepositoryState(gun)
        if (revived === undefined) {
            state.oldLineages = [...(known?.oldLineages ?? [])]
            state.begin(lineage, "adopted")
        }
        const observation = planObservation(state, files)
        const begin: Change = { kind: "lineage.insert", gun, lineage, origin: "adopted", at: this.#now().toISOString() }
        await this.#handOver([begin, ...observation.changes], () => {
            observation.apply()
            this.#repositories.set(gun, state)
        })
    }

    async reset(gun: Gun): Promise<void> {
        const state = this.#active(gun)
        const retire: Change = { kind: "lineage.retire", gun, lineage: state.lineage, at: this.#now().toISOString() }
        await this.#handOver([...emptyOutbox(state, () => true), retire], () => state.retire())
    }

    async void(gun: Gun, version: number, who: string): Promise<void> {
        const root = ROOT
        let state = this.#voidable(gun, version)
        let entries: readonly JournalEntry[] = []
        // A promise made while we looked has to be voided with the others.
        for (let seen = -1; seen !== state.promisesOf(root); ) {
            seen = state.promisesOf(root)
            entries = await this.show({ gun, role: root, after: 0, limit: Number.MAX_SAFE_INTEGER })
            state = this.#voidable(gun, version)
        }
        const { lineage } = state
        const at = this.#now().toISOString()
        const changes: Change[] = entries
            .filter((entry) => entry.lineage === lineage && entry.version === version && entry.state !== "void")
            .map((entry) => ({ kind: "intent.void", sequence: entry.sequence, at, who }))
        // The snapshot names this root, and what else waits may be signed by keys that only this root trusts. A retry still yields it.
        const goes = (file: MetadataFile): boolean => file.role !== root || file.signed.document.version >= version
        changes.push(...emptyOutbox(state, goes))
        if (version === 1) {
            await this.#handOver([...changes, { kind: "lineage.retire", gun, lineage, at }], () => state.retire())
            return
        }
        const before = state.roots.findLast((file) => file.signed.document.version < version)
        const to = before === undefined ? null : markOf(before.signed)
        const sha256 = state.marks.get(root)?.sha256 ?? ""
        changes.push({ kind: "mark.lower-void", gun, lineage, role: root, version, sha256, to })
        await this.#handOver(changes, () => {
            state.outbox = state.outbox.filter((file) => !goes(file))
            if (to === null) state.marks.delete(root)
            else state.marks.set(root, to)
        })
    }

    #voidable(gun: Gun, version: number): RepositoryState {
        const state = this.#active(gun)
        if (state.marks.get(ROOT)?.version !== version)
            throw new TrustkeyError("not_found", `there is no promise of root version ${version} to void`)
        if ((state.published.get(ROOT)?.version ?? 0) >= version) {
            throw new TrustkeyError("invalid_request", `root version ${version} was published; only a newer root can replace it`)
        }
        return state
    }

    async show(filter: JournalFilter): Promise<readonly JournalEntry[]> {
        const rows = await this.#store.read({ kind: "intents", ...filter })
        return rows.map(entryOf)
    }

    backup(): Promise<JournalBackup> {
        return backupOf(this.#store, this.#repositories, this.#certificates)
    }

    async planRestore(given: RestoredJournal): Promise<RestorePlan> {
        const at = this.#now().toISOString()
        const plan = await planRestoredJournal(this.#store, this.#repositories, this.#certificates, given, at, this.#sequence)
        return { changes: plan.changes, said: plan.said, same: plan.same, apply: () => this.#reload() }
    }

    async restore(permit: Permit<"restore">, plans: readonly RestorePlan[]): Promise<void> {
        if (permit.action !== "restore") throw new TrustkeyError("internal", "a permit for another act")
        const changes = plans.flatMap((plan) => plan.changes)
        if (changes.length === 0) return
        try {
            await this.#store.commit(changes)
        } catch (error) {
            if (!(error instanceof Conflict)) throw error
            throw new TrustkeyError("already_exists", "something was changed meanwhile; nothing was taken in: do it again", {
                cause: error,
            })
        }
        for (const plan of plans) await plan.apply()
    }

    /** As a start would: what was taken in is known no other way than what was always here. */
    async #reload(): Promise<void> {
        const loaded = await loadState(this.#store)
        replace(this.#repositories, loaded.repositories)
        replace(this.#certificates, loaded.certificates)
        for (const id of loaded.certified) this.#certified.add(id)
        this.#sequence = loaded.nextSequence
    }

    #promise(sequence: number, facts: Omit<IntentFacts, "sequence" | "signature">, sha256: string): Change {
        const { kind, gun, lineage, role, version, scheme, bytes } = facts
        const promise = { kind, gun, lineage, role, version, sha256, keyId: facts.key.id, scheme, bytes, at: this.#now().toISOString() }
        return { kind: "intent.insert", sequence, promise }
    }

    async #earlier(intent: Omit<IntentFacts, "sequence" | "signature">): Promise<Intent | undefined> {
        const { kind, key, scheme, bytes, gun, lineage, role, version } = intent
        await this.#pending.get(placeKey(lineage, role))
        const rows = await this.#store.read({ kind: "intent", gun, lineage, role, version, keyId: key.id })
        const row = rows.find((candidate) => candidate["voidedAt"] === null)
        if (row === undefined) return undefined
        // TK-JRN-2 once more, where it would hurt: a signature of other bytes must not leave as these bytes'.
        if (!Buffer.from(bytesOf(row, "bytes")).equals(bytes))
            throw new TrustkeyError("equivocation_refused", `${whatIsPromised(intent)} was already promised with other content`)
        const sequence = integerOf(row, "sequence")
        return new Intent({ kind, key, scheme, bytes, gun, lineage, role, version, sequence, signature: optionalBytesOf(row, "signature") })
    }

    /**
     * Memory changes with the hand-over, not when it is done: whoever comes meanwhile decides by what the disk is going to say,
     * and its own commit comes after. If the disk fails, the store takes nothing more.
     */
    async #handOver(changes: readonly Change[], apply: () => void): Promise<void> {
        const done = this.#store.commit(changes)
        apply()
        await done
    }

    async #commit(place: string, changes: readonly Change[]): Promise<void> {
        const done = this.#store.commit(changes)
        this.#pending.set(place, done)
        try {
            await done
        } catch (error) {
            // Only another daemon on the same database can have moved a mark under us.
            if (error instanceof Conflict)
                throw new TrustkeyError("rollback_refused", "another daemon has promised this version", { cause: error })
            throw error
        } finally {
            if (this.#pending.get(place) === done) this.#pending.delete(place)
        }
    }

    #placeOf(gun: Gun, metadata: SignedMetadata): { state: RepositoryState | undefined; lineage: string; mark: Mark | undefined } {
        const state = this.#repositories.get(gun)
        if (state?.state === "active") return { state, lineage: state.lineage, mark: state.marks.get(metadata.role) }
        if (metadata.role !== "root" || metadata.document.version !== 1) throw unknownRepository(gun)
        return { state, lineage: lineageOf(metadata), mark: undefined }
    }

    #active(gun: Gun): RepositoryState {
        const state = this.#repositories.get(gun)
        if (state?.state !== "active") throw unknownRepository(gun)
        return state
    }
}

function replace<K, V>(map: Map<K, V>, by: ReadonlyMap<K, V>): void {
    map.clear()
    for (const [key, value] of by) map.set(key, value)
}

function unknownRepository(gun: Gun): TrustkeyError {
    return new TrustkeyError("repository_unknown", `${gun} is not known here: make it with trust init, or take it in with trust adopt`)
}

function whatIsPromised({ kind, lineage, role, version }: Pick<IntentFacts, "kind" | "lineage" | "role" | "version">): string {
    return kind === "ceremony-close" ? `the close of a ceremony of plan ${lineage}` : `${role} version ${version}`
}

/** A permit speaks for the places it was given for, and no others. */
function requirePlace(permit: Permit<"sign" | "certificate">, gun: Gun, role: RoleName): void {
    if (!permit.covers(gun, role)) throw new TrustkeyError("internal", "a permit for another place")
}

function placeKey(lineage: string, role: RoleName): string {
    return `${lineage} ${role}`
}

/** While the last signature was made, its root may have been voided or its lineage ended. */
function requirePromised(state: RepositoryState, file: MetadataFile): void {
    const { version, sha256 } = markOf(file.signed)
    const mark = state.marks.get(file.role)
    if (mark !== undefined && (mark.version > version || (mark.version === version && mark.sha256 === sha256))) return
    throw new TrustkeyError(
        "rollback_refused",
        `${file.role} version ${version} is not promised any more: it was voided, or trust was reset`,
    )
}

/** Roots are never: clients walk them one by one. */
function isOvertaken(state: RepositoryState, file: MetadataFile): boolean {
    return (state.documents.get(file.role)?.signed.document.version ?? 0) > file.signed.document.version
}

/** A server takes a version once. Another file of it could only mislead the snapshot that names it. */
function requireUnpublished(state: RepositoryState, { role, signed }: MetadataFile): void {
    const { version } = signed.document
    if ((state.published.get(role)?.version ?? 0) < version) return
    throw new TrustkeyError("rollback_refused", `${role} version ${version} is published already, as another file; take the next version`)
}

function isKnown(state: RepositoryState, file: MetadataFile): boolean {
    const same = (other: MetadataFile): boolean => other.role === file.role && Buffer.from(other.content).equals(file.content)
    return state.outbox.some(same) || state.publishedRoots.some(same) || [...state.documents.values()].some(same)
}

function emptyOutbox(state: RepositoryState, which: (file: MetadataFile) => boolean): Change[] {
    return state.outbox.filter(which).map((file) => ({
        kind: "outbox.remove",
        gun: state.gun,
        lineage: state.lineage,
        role: file.role,
        version: file.signed.document.version,
    }))
}
