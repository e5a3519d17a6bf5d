/** What a column can hold. Integers arrive as numbers: everything counted here stays below 2^53. */
export type SqlValue = string | number | bigint | Uint8Array | null

/** One row of an answer; `textOf`, `integerOf` and `bytesOf` take it apart. */
export type Row = Readonly<Record<string, SqlValue>>

/** A promise to sign, as the journal writes it down. `sha256` is of the canonical bytes, lowercase hex. */
export type PromiseRow = {
    readonly kind: string
    readonly gun: string
    readonly lineage: string
    readonly role: string
    readonly version: number
    readonly sha256: string
    readonly keyId: string
    readonly scheme: string
    readonly bytes: Uint8Array
    readonly at: string
}

export type MarkRow = { readonly version: number; readonly sha256: string; readonly expires: string }

export type AuditRow = {
    readonly sequence: number
    readonly at: string
    readonly who: string
    readonly action: string
    readonly outcome: string
    readonly gun: string
    readonly role: string
    readonly keyId: string
    readonly detail: string
    readonly previous: string
    readonly hash: string
}

/**
 * One conditional write; `kind` selects the statement in `changes.ts`, and the comment names its condition. Where there is
 * none, the change cannot conflict. Roots, documents, marks and the outbox need their lineage to be there: within one commit it goes first.
 */
export type Change =
    /** No such key yet. */
    | { readonly kind: "key.insert"; readonly id: string; readonly facts: string; readonly envelope: Uint8Array | null }
    /** The facts are still `previous`. */
    | { readonly kind: "key.facts"; readonly id: string; readonly facts: string; readonly previous: string }
    /** The envelope is still `previous`. Null removes it. */
    | { readonly kind: "key.envelope"; readonly id: string; readonly envelope: Uint8Array | null; readonly previous: Uint8Array }
    /** No such group yet. */
    | { readonly kind: "group.insert"; readonly name: string; readonly facts: string; readonly envelope: Uint8Array }
    /** The envelope is still `previous`. */
    | { readonly kind: "group.envelope"; readonly name: string; readonly envelope: Uint8Array; readonly previous: Uint8Array }
    /** The GUN has no active lineage. A retired lineage that comes back (trust was reset by mistake) is active again, with its marks. */
    | { readonly kind: "lineage.insert"; readonly gun: string; readonly lineage: string; readonly origin: string; readonly at: string }
    /** It is not there; and if it is to be active, none of the GUN's is. */
    | {
          readonly kind: "lineage.restore"
          readonly gun: string
          readonly lineage: string
          readonly origin: string
          readonly at: string
          /** Null: active. */
          readonly retiredAt: string | null
      }
    /** It is active. */
    | { readonly kind: "lineage.retire"; readonly gun: string; readonly lineage: string; readonly at: string }
    /** No root of that version yet, or the same file. */
    | {
          readonly kind: "root.insert"
          readonly gun: string
          readonly lineage: string
          readonly version: number
          readonly content: Uint8Array
      }
    /** Replaces the role's document, whatever its version: the mark is the guard. */
    | {
          readonly kind: "document.put"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
          readonly sha256: string
          readonly content: Uint8Array
      }
    /** TK-JRN-1, TK-JRN-2: no mark yet, or a lower version, or the same version with the same hash. */
    | {
          readonly kind: "mark.raise"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
          readonly sha256: string
          readonly expires: string
      }
    /** For a voided root only. The mark is exactly (version, sha256), and `to` is below it; null removes the mark. */
    | {
          readonly kind: "mark.lower-void"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
          readonly sha256: string
          readonly to: MarkRow | null
      }
    /** Not seen published yet, or a lower version, or the same version with the same hash. */
    | {
          readonly kind: "published.raise"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
          readonly sha256: string
      }
    /** `sequence` is free, and for metadata no other promise that is not void has the same (gun, lineage, role, version, key). */
    | { readonly kind: "intent.insert"; readonly sequence: number; readonly promise: PromiseRow }
    /** As "intent.insert", of a promise that was made elsewhere, with what became of it. */
    | {
          readonly kind: "intent.restore"
          readonly sequence: number
          readonly promise: PromiseRow
          readonly signature: Uint8Array | null
          readonly voided: { readonly at: string; readonly by: string } | null
      }
    /** The promise is there, not void, and has no signature yet or the same one. */
    | { readonly kind: "intent.signed"; readonly sequence: number; readonly signature: Uint8Array }
    /** The promise is there and not void yet. */
    | { readonly kind: "intent.void"; readonly sequence: number; readonly at: string; readonly who: string }
    /** None for (key, GUN) yet, or the same one. */
    | { readonly kind: "certificate.put"; readonly keyId: string; readonly gun: string; readonly pem: string }
    /** The one for (key, GUN) is `previous`. */
    | {
          readonly kind: "certificate.replace"
          readonly keyId: string
          readonly gun: string
          readonly pem: string
          readonly previous: string
      }
    /** Replaces what the outbox had under (gun, lineage, role, version). */
    | {
          readonly kind: "outbox.put"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
          readonly sha256: string
          readonly content: Uint8Array
          readonly at: string
      }
    /** Not there is fine. */
    | { readonly kind: "outbox.remove"; readonly gun: string; readonly lineage: string; readonly role: string; readonly version: number }
    /** Replaces the token's. */
    | {
          readonly kind: "pin-try.put"
          readonly token: string
          readonly fingerprint: Uint8Array
          readonly salt: Uint8Array
          readonly at: string
      }
    /** Not there is fine. */
    | { readonly kind: "pin-try.remove"; readonly token: string }
    /** `sequence` follows the last record's, and `previous` is its hash (64 zeros before the first). */
    | ({ readonly kind: "audit.append" } & AuditRow)
    /** None of that fingerprint yet. */
    | { readonly kind: "backup.insert"; readonly fingerprint: string; readonly facts: string }
    /** None with that receipt (its SHA-256) yet. */
    | { readonly kind: "drill.insert"; readonly receipt: string; readonly facts: string }
    /** Replaces. */
    | { readonly kind: "setting.put"; readonly name: string; readonly value: string }

/** A question; the comment names the columns of the rows it answers. A trailing `?` means the column may be null. */
export type Query =
    /** id, facts, envelope?; by id */
    | { readonly kind: "keys" }
    /** name, facts, envelope; by name */
    | { readonly kind: "groups" }
    /** gun, lineage, origin, at, retiredAt?; by gun, then in the order they were made */
    | { readonly kind: "lineages" }
    /** As "lineages", one of them */
    | { readonly kind: "lineage"; readonly gun: string; readonly lineage: string }
    /** version, content; by version */
    | { readonly kind: "roots"; readonly gun: string; readonly lineage: string }
    /** role, version, sha256, content; by role */
    | { readonly kind: "documents"; readonly gun: string; readonly lineage: string }
    /** gun, lineage, role, version, sha256, expires */
    | { readonly kind: "marks" }
    /** role, version, sha256, expires; by role */
    | { readonly kind: "marks-of"; readonly gun: string; readonly lineage: string }
    /** gun, lineage, role, version, sha256 */
    | { readonly kind: "published" }
    /** role, version, sha256; by role */
    | { readonly kind: "published-of"; readonly gun: string; readonly lineage: string }
    /**
     * Whole promises, void ones too, oldest first: sequence, kind, gun, lineage, role, version, sha256, keyId, scheme, at,
     * signature?, voidedAt?, voidedBy?, bytes
     */
    | {
          readonly kind: "intent"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
          readonly keyId: string
      }
    /** As "intent", of whatever key; not void */
    | {
          readonly kind: "promises"
          readonly gun: string
          readonly lineage: string
          readonly role: string
          readonly version: number
      }
    /** As "intent" without `bytes` (a page of them could be gigabytes); sequence > after, at most `limit` */
    | { readonly kind: "intents"; readonly gun?: string; readonly role?: string; readonly after: number; readonly limit: number }
    /** As "promises", void ones only, of whatever version */
    | { readonly kind: "void-promises"; readonly gun: string; readonly lineage: string; readonly role: string }
    /** As "intent": promises to sign the close of a ceremony; by plan (`lineage`), then key */
    | { readonly kind: "closes" }
    /** gun, lineage, role, version: the highest that was promised and is not void */
    | { readonly kind: "promised-versions" }
    /** As "intents": no signature, not void */
    | { readonly kind: "unsigned-intents" }
    /** keyId, gun, pem */
    | { readonly kind: "certificate"; readonly keyId: string; readonly gun: string }
    /** keyId, gun, pem */
    | { readonly kind: "certificates" }
    /** role, version, sha256, content, at; in the order of putting */
    | { readonly kind: "outbox"; readonly gun: string; readonly lineage: string }
    /** token, fingerprint, salt, at */
    | { readonly kind: "pin-tries" }
    /** The columns of AuditRow; sequence > after, at most `limit`, ascending */
    | { readonly kind: "audit"; readonly after: number; readonly limit: number }
    /** The last `limit` records, ascending */
    | { readonly kind: "audit-tail"; readonly limit: number }
    /** sequence, hash of the last record; no row before the first */
    | { readonly kind: "audit-head" }
    /** sequence: the one the next promise takes; always one row */
    | { readonly kind: "next-sequence" }
    /** fingerprint, facts; no row when it was not made here */
    | { readonly kind: "backup"; readonly fingerprint: string }
    /** fingerprint, facts of the newest */
    | { readonly kind: "last-backup" }
    /** receipt, facts of the newest */
    | { readonly kind: "last-drill" }
    /** value; no row when it was never put */
    | { readonly kind: "setting"; readonly name: string }

/** The condition of `change` did not hold, and nothing of its commit was written. The store is fine. */
export class Conflict extends Error {
    override readonly name = "Conflict"
    readonly change: Change

    constructor(change: Change) {
        super(`the condition of ${change.kind} does not hold`)
        this.change = change
    }
}

export interface Store {
    /**
     * All changes or none, on stable storage when this resolves. The order of calls is the order on disk, and a later commit's
     * conditions see an earlier one, waited for or not. Commits travel in groups: many in flight cost little more than one.
     * The bytes handed in must stay as they are until it settles.
     *
     * @throws Conflict: a condition did not hold; nothing of this commit was written, others are untouched.
     * @throws TrustkeyError storage_failed: something may have been written; the store refuses everything from here on,
     *   because nobody knows what is on the disk. The next start finds out.
     */
    commit(changes: readonly Change[]): Promise<void>

    /**
     * Sees every commit called before it, and answers only once they are on stable storage.
     *
     * @throws TrustkeyError storage_failed, as above
     */
    read(query: Query): Promise<readonly Row[]>

    /** Waits for what was called before. Afterwards everything is refused; closing again does nothing. */
    close(): Promise<void>
}
