import type { Permit } from "../policy/index.ts"
import type { Gun, KeyId, MetadataFile, RoleName, SignedMetadata } from "../tuf/index.ts"
import type { JournalBackup } from "./backup.ts"
import type { Intent } from "./intent.ts"
import type { KeyRecord } from "./key-record.ts"
import type { PromisedRoot } from "./promised-root.ts"
import type { Repository } from "./repository.ts"
import type { RestoredJournal } from "./restore.ts"
import type { RestorePlan } from "./restore-change.ts"

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
