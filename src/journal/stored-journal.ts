import { canaryMessage, certificateScheme, sha256, tufScheme } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Permit } from "../policy/index.ts"
import { type Change, Conflict, type Store } from "../storage/index.ts"
import { type Gun, type KeyId, lineageOf, type MetadataFile, ROOT, type RoleName, type SignedMetadata } from "../tuf/index.ts"
import { backupOf, type JournalBackup } from "./backup.ts"
import type { Intent, IntentKind } from "./intent.ts"
import type { Journal, JournalEntry, JournalFilter } from "./journal.ts"
import { KeptCertificates } from "./kept-certificates.ts"
import type { KeyRecord } from "./key-record.ts"
import { loadState } from "./load.ts"
import { checkMark, type Mark } from "./mark.ts"
import { planObservation } from "./observe.ts"
import { emptyOutbox, planRelease } from "./outbox.ts"
import { type PromisedRoot, readPromisedRoot } from "./promised-root.ts"
import { Promises } from "./promises.ts"
import { markOf, type Repository, RepositoryState } from "./repository.ts"
import { planRestoredJournal, type RestoredJournal } from "./restore.ts"
import type { RestorePlan } from "./restore-change.ts"
import { entryOf } from "./rows.ts"

/** A SHA-256. */
const CHALLENGE_LENGTH = 32

/** Read everything back and carry on where the last process stopped. @throws storage_failed */
export async function openJournal(store: Store, now: () => Date): Promise<Journal> {
    return new StoredJournal(store, now, await loadState(store))
}

class StoredJournal implements Journal {
    readonly #store: Store
    readonly #now: () => Date
    readonly #repositories: Map<string, RepositoryState>
    readonly #promises: Promises
    readonly #certificates: KeptCertificates
    // Closes are few, and each must see the one before it on disk.
    #lastClose: Promise<unknown> = Promise.resolve()

    constructor(store: Store, now: () => Date, loaded: Awaited<ReturnType<typeof loadState>>) {
        this.#store = store
        this.#now = now
        this.#repositories = loaded.repositories
        this.#promises = new Promises(store, now, loaded.nextSequence)
        this.#certificates = new KeptCertificates(store, loaded.certificates, loaded.certified)
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
            const earlier = await this.#promises.earlier(facts)
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
        return await this.#promises.make(facts, mark.sha256, changes)
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
        await this.#promises.settled(state.lineage, ROOT)
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
        return await this.#promises.make(facts, hashOf(bytes))
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
        const earlier = await this.#promises.earlier(facts)
        if (earlier !== undefined) return earlier
        return await this.#promises.make(facts, hashOf(statement))
    }

    async #promiseCertificate(
        kind: Exclude<IntentKind, "notary-metadata" | "ceremony-close">,
        key: KeyRecord,
        gun: Gun | "",
        tbs: Uint8Array,
    ): Promise<Intent> {
        const place = { gun, lineage: "", role: ROOT, version: 0 }
        const facts = { kind, key, scheme: certificateScheme(key.algorithm), bytes: tbs, ...place }
        return await this.#promises.make(facts, hashOf(tbs))
    }

    signed(intent: Intent, signature: Uint8Array): Promise<Uint8Array> {
        return this.#promises.keep(intent, signature)
    }

    certificate(keyId: KeyId, gun: Gun): string | undefined {
        return this.#certificates.get(keyId, gun)
    }

    isCertified(keyId: KeyId): boolean {
        return this.#certificates.isCertified(keyId)
    }

    keepCertificate(keyId: KeyId, gun: Gun, pem: string): Promise<string> {
        return this.#certificates.keep(keyId, gun, pem)
    }

    replaceCertificate(keyId: KeyId, gun: Gun, pem: string, previous: string): Promise<void> {
        return this.#certificates.replace(keyId, gun, pem, previous)
    }

    async release(gun: Gun, files: readonly MetadataFile[]): Promise<void> {
        const { changes, apply } = planRelease(this.#active(gun), files, this.#now().toISOString())
        if (changes.length > 0) await this.#handOver(changes, apply)
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
        return backupOf(this.#store, this.#repositories, this.#certificates.pems)
    }

    async planRestore(given: RestoredJournal): Promise<RestorePlan> {
        const at = this.#now().toISOString()
        const plan = await planRestoredJournal(this.#store, this.#repositories, this.#certificates.pems, given, at, this.#promises.next)
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
        this.#repositories.clear()
        for (const [gun, state] of loaded.repositories) this.#repositories.set(gun, state)
        this.#certificates.reload(loaded.certificates, loaded.certified)
        this.#promises.goOnWith(loaded.nextSequence)
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

function unknownRepository(gun: Gun): TrustkeyError {
    return new TrustkeyError("repository_unknown", `${gun} is not known here: make it with trust init, or take it in with trust adopt`)
}

/** A permit speaks for the places it was given for, and no others. */
function requirePlace(permit: Permit<"sign" | "certificate">, gun: Gun, role: RoleName): void {
    if (!permit.covers(gun, role)) throw new TrustkeyError("internal", "a permit for another place")
}

function hashOf(bytes: Uint8Array): string {
    return sha256(bytes).toString("hex")
}
