import type { Algorithm, PublicKeyBytes, Scheme, Secret } from "../crypto/index.ts"
import type { Gun, KeyId, RoleName } from "../tuf/index.ts"

// docs/formats/backup.md. Times are RFC 3339 in UTC with milliseconds; hashes are SHA-256, lowercase hex.

/** The first record: what this is, and what has to follow. */
export type HeadRecord = {
    readonly kind: "head"
    readonly created: string
    /** What wrote it, such as `trustkeyd 1.0.0`. */
    readonly program: string
    /** The last record of the audit chain when it was made; 0 and 64 zeros: there was none. */
    readonly audit: { readonly sequence: number; readonly hash: string }
    readonly counts: BackupCounts
    /** For whom it is encrypted: `age1…`, in the order given; none: for whoever knows a passphrase. */
    readonly recipients: readonly string[]
    /** The public share-set file of a recipient whose identity is in shares, canonical JSON. */
    readonly shares?: string
}

/** How many records of these kinds follow. Key files are counted by nobody beforehand: a key may be locked in between. */
export type BackupCounts = {
    readonly groups: number
    readonly keys: number
    readonly lineages: number
    readonly certificates: number
    readonly closes: number
}

/** The configuration as it was loaded: it names secrets and contains none. */
export type PolicyRecord = { readonly kind: "policy"; readonly content: Uint8Array }

export type GroupRecord = { readonly kind: "group"; readonly name: string; readonly createdAt: string; readonly envelope: Uint8Array }

/** A key that is in use, or the tombstone of one. */
export type KeyRecord = {
    readonly kind: "key"
    readonly id: KeyId
    /** Its public facts, as they are stored: a JSON object. Its members in another order are the same facts. */
    readonly facts: string
    /** What the private key is sealed in: absent for a key that lies on tokens alone, and for a tombstone. */
    readonly envelope?: Uint8Array
    /** There if and only if the key is in use and has no envelope: it can't leave its token, and this is what brings its repositories back. */
    readonly instead?: readonly Instead[]
}

export const SCHEMES: readonly Scheme[] = ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa"]

/** What brings back what a key on a token signed for, when that token is lost. */
export type Instead =
    /** The same key lies on another token. */
    | { readonly how: "copy"; readonly token: string; readonly serial: string }
    /** These other keys of the repository's role root reach its threshold without this one: they sign a root that has another in its place. */
    | { readonly how: "holders"; readonly gun: Gun; readonly keys: readonly KeyId[]; readonly threshold: number }
    /** The keys of `by` can put another key in its place: root for a base role, the delegating role for a delegation. */
    | { readonly how: "replace"; readonly gun: Gun; readonly role: RoleName; readonly by: RoleName }

/** The facts of a KeyRecord, read. */
export type KeyFacts = {
    readonly id: KeyId
    readonly publicKey: PublicKeyBytes
    readonly algorithm: Algorithm
    readonly purpose: KeyPurpose
    readonly label: string
    readonly bindings: readonly { readonly gun: Gun; readonly role: RoleName }[]
    readonly home: { readonly kind: "sealed" } | { readonly kind: "group"; readonly group: string } | TokenPlace
    readonly copies: readonly TokenPlace[]
    readonly origin: "generated" | "imported"
    readonly createdAt: string
    readonly removedAt: string | undefined
}

export type TokenPlace = { readonly kind: "token"; readonly token: string; readonly serial: string }

export const KEY_PURPOSES = ["root", "targets", "snapshot", "delegation", "ceremony"] as const
export type KeyPurpose = (typeof KEY_PURPOSES)[number]

/** Version and hash of a role's canonical `signed` bytes. */
export type RoleVersion = { readonly role: RoleName; readonly version: number; readonly sha256: string }

/** A repository lineage; its files follow it. */
export type LineageRecord = {
    readonly kind: "lineage"
    readonly gun: Gun
    /** Hash of root version 1's canonical `signed` bytes */
    readonly lineage: string
    readonly origin: "born" | "adopted"
    readonly at: string
    /** Absent: it is the one in use. */
    readonly retiredAt?: string
    /** By role. */
    readonly marks: readonly (RoleVersion & { readonly expires: string })[]
    /** What was last seen on the server, by role. */
    readonly published: readonly RoleVersion[]
    /** First so many RootRecords follow: versions 1, 2, 3 … */
    readonly roots: number
    /** Then a WaitingRecord for each of these: complete files that were not seen published. First roots, by version; then the others as they were made. */
    readonly outbox: readonly (RoleVersion & { readonly at: string })[]
    /** Then a DocumentRecord for each of these, by role, no root: the newest file of each, published or in the outbox. */
    readonly documents: readonly RoleVersion[]
    /** Then so many PromiseRecords. */
    readonly promises: number
}

/** A root that was seen published, the whole file. */
export type RootRecord = { readonly kind: "root"; readonly version: number; readonly content: Uint8Array }

/** The newest file of a role other than root. */
export type DocumentRecord = RoleVersion & { readonly kind: "document"; readonly content: Uint8Array }

/** A file of the outbox. */
export type WaitingRecord = RoleVersion & { readonly kind: "waiting"; readonly at: string; readonly content: Uint8Array }

/** A promise to sign metadata of which no file says all: one that binds still, or a void one of a root. In the order they were made. */
export type PromiseRecord = RoleVersion & {
    readonly kind: "promise"
    readonly keyId: KeyId
    readonly scheme: Scheme
    readonly at: string
    /** The canonical `signed` bytes */
    readonly bytes: Uint8Array
    readonly signature?: Uint8Array
    readonly voided?: { readonly at: string; readonly by: string }
}

/** The certificate of a root key for one GUN, PEM; by key and GUN. */
export type CertificateRecord = { readonly kind: "certificate"; readonly keyId: KeyId; readonly gun: Gun; readonly pem: string }

/** The promise to sign a ceremony's close: one content for one plan and key. By plan and key. */
export type CloseRecord = {
    readonly kind: "close"
    /** Hash of the plan */
    readonly plan: string
    readonly keyId: KeyId
    readonly scheme: Scheme
    readonly at: string
    readonly bytes: Uint8Array
    readonly signature?: Uint8Array
}

/** A key as a file that Notary's own tools take, encrypted; by key. */
export type KeyFileRecord = { readonly kind: "key-file"; readonly keyId: KeyId; readonly pem: Uint8Array }

/** What the key files open with when nobody gave a passphrase for them: this archive is then what protects them. */
export type KeyFilePassphraseRecord = { readonly kind: "key-file-passphrase"; readonly passphrase: Secret }

/** The last record. */
export type EndRecord = {
    readonly kind: "end"
    /** How many members stand before it */
    readonly records: number
    /** SHA-256 of all bytes of the archive before this member: what a person compares, and what is typed for a restore */
    readonly fingerprint: string
}

/** What a backup is made of, in this order; LineageRecord, with what belongs to it, repeats. */
export type BackupRecord =
    | HeadRecord
    | PolicyRecord
    | GroupRecord
    | KeyRecord
    | LineageRecord
    | RootRecord
    | DocumentRecord
    | WaitingRecord
    | PromiseRecord
    | CertificateRecord
    | CloseRecord
    | KeyFileRecord
    | KeyFilePassphraseRecord
    | EndRecord

export const BACKUP_FORMAT = "trustkeyd-backup/1"

/** No member is longer: a file of metadata is the longest there is. */
export const MAX_MEMBER_BYTES = 16 * 1024 * 1024
