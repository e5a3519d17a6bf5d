import { TrustkeyError } from "../errors.ts"
import { bytesOf, type Change, Conflict, integerOf, optionalBytesOf, type Store } from "../storage/index.ts"
import type { RoleName } from "../tuf/index.ts"
import { Intent, type IntentFacts } from "./intent.ts"

export type PromiseFacts = Omit<IntentFacts, "sequence" | "signature">

/** The promises: the one place where an Intent is made. */
export class Promises {
    readonly #store: Store
    readonly #now: () => Date
    #next: number
    // What is checked against memory must be on disk before a retry may lean on it.
    readonly #pending = new Map<string, Promise<void>>()

    /** @param next the first sequence number that is free */
    constructor(store: Store, now: () => Date, next: number) {
        this.#store = store
        this.#now = now
        this.#next = next
    }

    get next(): number {
        return this.#next
    }

    /** As a start would, after others were written. */
    goOnWith(next: number): void {
        this.#next = next
    }

    /**
     * TK-JRN-3: when this resolves, the promise is on stable storage, in one commit with what `before` changes. Nothing waits before that commit is handed over.
     *
     * @param sha256 of the facts' bytes, lowercase hex
     * @throws rollback_refused, storage_failed
     */
    async make(facts: PromiseFacts, sha256: string, before: readonly Change[] = []): Promise<Intent> {
        const sequence = this.#next++
        const { kind, key, scheme, bytes, gun, lineage, role, version } = facts
        const promise = { kind, gun, lineage, role, version, sha256, keyId: key.id, scheme, bytes, at: this.#now().toISOString() }
        await this.#commit(placeKey(lineage, role), [...before, { kind: "intent.insert", sequence, promise }])
        return new Intent({ ...facts, sequence, signature: undefined })
    }

    /** What was promised of the same place to the same key. @throws equivocation_refused: with other content */
    async earlier(facts: PromiseFacts): Promise<Intent | undefined> {
        const { kind, key, scheme, bytes, gun, lineage, role, version } = facts
        await this.settled(lineage, role)
        const rows = await this.#store.read({ kind: "intent", gun, lineage, role, version, keyId: key.id })
        const row = rows.find((candidate) => candidate["voidedAt"] === null)
        if (row === undefined) return undefined
        // TK-JRN-2 once more, where it would hurt: a signature of other bytes must not leave as these bytes'.
        if (!Buffer.from(bytesOf(row, "bytes")).equals(bytes))
            throw new TrustkeyError("equivocation_refused", `${whatIsPromised(facts)} was already promised with other content`)
        const sequence = integerOf(row, "sequence")
        return new Intent({ kind, key, scheme, bytes, gun, lineage, role, version, sequence, signature: optionalBytesOf(row, "signature") })
    }

    /** What was promised of that place before is on disk, or failed. */
    async settled(lineage: string, role: RoleName): Promise<void> {
        await this.#pending.get(placeKey(lineage, role))
    }

    /** See Journal.signed. */
    async keep(intent: Intent, signature: Uint8Array): Promise<Uint8Array> {
        if (intent.signature !== undefined) return intent.signature
        try {
            await this.#store.commit([{ kind: "intent.signed", sequence: intent.sequence, signature }])
            return signature
        } catch (error) {
            if (!(error instanceof Conflict)) throw error
            const kept = (await this.earlier(intent))?.signature
            if (kept === undefined) throw new TrustkeyError("rollback_refused", "the promise was voided meanwhile", { cause: error })
            return kept
        }
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
}

function placeKey(lineage: string, role: RoleName): string {
    return `${lineage} ${role}`
}

function whatIsPromised({ kind, lineage, role, version }: PromiseFacts): string {
    return kind === "ceremony-close" ? `the close of a ceremony of plan ${lineage}` : `${role} version ${version}`
}
