import type { KeyRecord as BackupKeyRecord, GroupRecord } from "../backup/index.ts"
import type {
    Algorithm,
    Argon2Cost,
    AttestationRoots,
    AttestationVerdict,
    KeyFileFormat,
    NotaryHeaders,
    SealedSecret,
} from "../crypto/index.ts"
import type { Binding, Intent, KeyRecord, Purpose, RestorePlan, TokenHome } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import type { PivDescription, PivSlot } from "../signer/index.ts"
import type { Store } from "../storage/index.ts"
import type { BackupSession, BackupSpec, GroupSnapshot, KeySnapshot } from "./backup-session.ts"
import type { CardOptions } from "./card-keys.ts"
import type { SignerProcessState } from "./signer-process.ts"
import type { TokenConfig } from "./token-config.ts"
import type { TokenExamination } from "./token-examination.ts"
import type { LoginLimits, PinChange } from "./token-logins.ts"
import type { TokenState } from "./token-state.ts"
import type { Occasion, TouchListener } from "./touch.ts"

export type KeySubject = { readonly keyId: string } | { readonly group: string }

export type KeyState = {
    readonly state: "locked" | "unlocked" | "absent" | "removed"
    readonly until?: Date
    readonly usesLeft?: number
    /** A signature could be made now without a person. */
    readonly ready: boolean
}

export type GroupState = {
    readonly name: string
    readonly byPassphrase: boolean
    readonly credential: string | undefined
    readonly unlocked: boolean
    readonly until: Date | undefined
    /** How many keys, not counting removed ones. */
    readonly keys: number
}

export type TokenObject = {
    readonly uri: string
    readonly label: string
    readonly id: Uint8Array
    readonly algorithm: Algorithm | undefined
    /** Canonical key ID; empty when the public key cannot be read. */
    readonly keyId: string
    readonly local: boolean
    readonly sensitive: boolean
    readonly extractable: boolean
    readonly alwaysAuthenticate: boolean
}

/** Where we keep a key ourselves. */
export type SealedHome = Exclude<NewKeyHome, { readonly kind: "token" }>

export type NewKeyHome =
    | { readonly kind: "passphrase"; readonly sealed: SealedSecret }
    | { readonly kind: "group"; readonly group: string }
    /** `card`: on a YubiKey, which needs it. */
    | { readonly kind: "token"; readonly token: string; readonly card?: CardOptions }

export type CreateKeySpec = {
    readonly algorithm: Algorithm
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly madeBy?: string
    readonly home: NewKeyHome
    /** Who is told when the token waits for a touch. */
    readonly asker?: Principal
}

export type ImportKeySpec = {
    /** Unencrypted PKCS#8 DER, sealed for the signer of its home. */
    readonly pkcs8: SealedSecret
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly madeBy?: string
    /** Who is told when the token waits for a touch. */
    readonly asker?: Principal
    readonly home: SealedHome | ImportTokenHome
    /** Called before anything is recorded: only now is it known what the key is. What it throws ends the import. */
    readonly checkAlgorithm: (algorithm: Algorithm) => void
}

/** A token that is to take in a key from a file. One of the two has to be there. */
export type ImportTokenHome = {
    readonly kind: "token"
    readonly token: string
    /** On a YubiKey, which needs it. */
    readonly card?: CardOptions
    /** What a person knows the token by; any other than a YubiKey needs it. */
    readonly serial?: string
}

/** A sealed key that is to lie on a token too. */
export type CopyKeySpec = {
    readonly keyId: string
    readonly token: string
    /** What a person knows the token by. */
    readonly serial: string
    readonly from:
        | {
              readonly kind: "sealed"
              /** Of the key or of its group, sealed for the purpose `copy` and the subject that `copySubject` gives. */
              readonly passphrase: SealedSecret
              readonly card?: CardOptions
          }
        /** It lies there already. `slot`: on a YubiKey */
        | { readonly kind: "present"; readonly slot?: PivSlot }
    /** Who is told when the token waits for a touch. */
    readonly asker?: Principal
    /** Called before anything is recorded, as with `enroll`. */
    readonly checkHome?: (home: TokenHome, isYubikey: boolean) => void
}

/** A sealed key that is to leave in a file. Both secrets are sealed for the subject that `exportSubject` gives. */
export type ExportKeySpec = {
    readonly keyId: string
    /** age's X25519 recipients, in the order of the file. */
    readonly recipients: readonly string[]
    /** Of the key or of its group, for the purpose `export`. */
    readonly passphrase: SealedSecret
    /** Of one of the recipients, as an identity file has it, for the purpose `identity`. */
    readonly identity: SealedSecret
}

/** A sealed key that is to leave in a file for other programs. */
export type ExportKeyFileSpec = {
    readonly keyId: string
    readonly format: KeyFileFormat
    /** Of "notary". */
    readonly headers?: NotaryHeaders
    /** For the file; sealed for the subject that `filePassphraseSubject` gives, purpose `file-passphrase`. */
    readonly filePassphrase: SealedSecret
    /** Of the key or of its group; sealed for the subject that `exportFileSubject` gives, purpose `export-file`. */
    readonly passphrase: SealedSecret
}

export type EnrollKeySpec = {
    readonly token: string
    readonly uri: string
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly madeBy?: string
    /** Who is told when the token waits for a touch. */
    readonly asker?: Principal
    /** Called before anything is recorded: only now is it known how the key lies there. What it throws ends the enrolment. */
    readonly checkHome?: (home: TokenHome, isYubikey: boolean) => void
}

/** Private keys, wherever they are. Public facts come from storage and are kept in memory; private halves never come here (TK-KEY-1). */
export interface KeyStore {
    /** By full ID or by an unambiguous prefix of at least 7 hex digits; removed keys too. */
    find(idOrPrefix: string): KeyRecord | undefined
    list(): Iterable<KeyRecord>
    state(id: string): KeyState

    /**
     * The key and a nonce to seal a secret for; see docs/formats/sealed-secret.md. Goes to the signer that will need it. Who asks for many
     * (`owner`) loses his own.
     *
     * @throws not_found
     */
    challenge(purpose: string, subject: string, owner?: string): Promise<{ signerPublic: Uint8Array; nonce: Uint8Array }>

    /**
     * A new key; recorded, on stable storage and shown to sign when this resolves. It is locked unless its group or token is open.
     * On a token: sensitive, not extractable, attributes read back; TK-KEY-3: on a YubiKey with its attestation. A crash in between may leave a key on the token nobody uses.
     *
     * @throws key_locked, login_required, key_unfit, token_…, challenge_expired, open_failed, attestation_invalid (the card's
     *   word for the key does not fit it): nothing was recorded. No other home is ever tried (TK-KEY-2).
     */
    create(spec: CreateKeySpec): Promise<KeyRecord>

    /** Take in a key that is on a token already. @throws invalid_request, not_found, object_ambiguous, already_exists, key_unfit */
    enroll(spec: EnrollKeySpec): Promise<KeyRecord>

    /**
     * Take in a private key from a file, opened by the client and sealed for the signer: recorded as imported for ever (TK-KEY-3), on
     * stable storage and shown to sign when this resolves. The signer works out the public key; nobody's word is taken for it.
     *
     * @throws already_exists with the key's ID, also for one that was removed: a removed key never comes back. key_unfit,
     *   key_locked, challenge_expired, open_failed; token_changed: it is another token than was named. Nothing was recorded.
     */
    importKey(spec: ImportKeySpec): Promise<KeyRecord>

    /**
     * A sealed key on a token besides, where it is shown to sign and from then on signs too. TK-KEY-3: its origin stays, and that it was brought
     * there is kept. A crash in between may leave it on the token unrecorded: `from` present takes it in.
     *
     * @throws token_changed: it is another token than was named. key_unfit, already_exists, open_failed, token_…: nothing was recorded
     */
    copy(spec: CopyKeySpec): Promise<KeyRecord>

    /**
     * An age file with the key in it, PKCS#8 in PEM, which the signer has opened again and signed with. Nothing is recorded.
     *
     * @throws key_unfit: it is on a token. open_failed, invalid_request
     */
    exportKey(spec: ExportKeySpec): Promise<Buffer>

    /**
     * The text of a key file, encrypted under a passphrase of its own; the signer has opened it again and signed with the key. Nothing is recorded.
     *
     * @throws key_unfit: it is on a token. open_failed, invalid_request
     */
    exportKeyFile(spec: ExportKeyFileSpec): Promise<Buffer>

    /**
     * Destroy what is sealed here of a key that lies on a token too; its first token is its home then. One of them has to sign with it first:
     * a copy that is only on record may be gone.
     *
     * @throws key_unfit, and why the first token doesn't sign: nothing was destroyed
     */
    forgetSealed(id: string, asker?: Principal): Promise<KeyRecord>

    /** Whether the token is there, as far as is known. */
    isPresent(home: TokenHome): boolean

    bind(id: string, add: readonly Binding[], remove: readonly Binding[]): Promise<KeyRecord>

    /** A tombstone: the facts stay, the envelope is gone, the key is locked. A token's object is not destroyed. */
    remove(id: string): Promise<KeyRecord>

    /**
     * Without a passphrase only for a group with a credential. Zero seconds: the default, or no end for a credential. Zero uses: no limit.
     *
     * @returns until when; undefined: until locked
     * @throws open_failed for a wrong passphrase and for damage alike; overloaded after several
     */
    unlock(subject: KeySubject, sealed: SealedSecret | undefined, ttlSeconds: number, uses: number): Promise<Date | undefined>

    /** "all" ends the signer processes and logs out of tokens; when it resolves they are gone and fresh ones started. */
    lock(subject: KeySubject | "all"): Promise<void>

    changePassphrase(subject: KeySubject, sealedOld: SealedSecret, sealedNew: SealedSecret): Promise<void>

    createGroup(name: string, sealed: SealedSecret | undefined, credential: string | undefined): Promise<void>
    groups(): readonly GroupState[]

    tokens(): Promise<readonly TokenState[]>

    /**
     * One try (TK-PIN-1), and a login for a limited time. Without a PIN: the credential's, or the token's own PIN pad; the credential's has no
     * end unless one is given.
     *
     * @throws pin_…, token_…, login_required
     */
    login(token: string, sealed: SealedSecret | undefined, evenFinalTry: boolean, limits?: LoginLimits): Promise<TokenState>
    logout(token: string): Promise<TokenState>
    /**
     * A new PIN; nobody is logged in afterwards. A credential that holds another than the new one is not used until it changes.
     *
     * @throws pin_incorrect, pin_blocked, puk_incorrect, puk_blocked: one try was spent. pin_final_try, invalid_request, token_…: none was
     */
    changePin(token: string, change: PinChange): Promise<TokenState>
    /**
     * What its module and the token in it can and can't do; see docs/tokens.md. By name or PKCS#11 URI.
     *
     * @throws not_found, object_ambiguous: the message lists the tokens there are
     */
    examine(tokenOrUri: string, write: boolean): Promise<TokenExamination>
    /** With a YubiKey's own description, which ends the login. */
    describeToken(token: string): Promise<{ readonly state: TokenState; readonly card: PivDescription | undefined }>
    /** The verdict on what is kept with a key, found again: offline, by Yubico's roots and the token's configured ones. */
    judgeAttestation(record: KeyRecord): AttestationVerdict | undefined
    /** Write a certificate beside a key of a YubiKey. @throws already_exists: there is another than `replace`. management_key_incorrect */
    putCertificate(id: string, certificate: Uint8Array, managementKey: SealedSecret, replace: string | undefined): Promise<void>
    /** The private keys on a token. @throws login_required */
    objects(token: string): Promise<readonly TokenObject[]>

    /**
     * The one way to a signature (TK-SIG-1): raw r ‖ s, PSS, PKCS#1 v1.5 or Ed25519 as the intent says. Verified against the
     * pinned public key before it leaves (TK-SIG-2). On a token the same promise, asked for again while its signature is being made, waits
     * for that one: nobody is asked for a second touch. And a touch that did not come is never answered by another signature.
     *
     * @throws key_locked, login_required, touch_timeout, token_absent, token_changed, token_busy, token_failed, signer_unavailable,
     *   deadline_exceeded, bad_signature (the key's process or token is out of use from then on)
     */
    sign(intent: Intent, occasion?: Occasion): Promise<Uint8Array>

    /**
     * Be told when a token waits for a touch, and how that ends; of those that wait already, at once.
     *
     * @returns ends it
     */
    watchTouches(listener: TouchListener): () => void

    /** All keys and groups at this moment, sorted by ID and name. */
    snapshot(): { readonly keys: readonly KeySnapshot[]; readonly groups: readonly GroupSnapshot[] }
    /**
     * Begin a backup in the signer process (TK-BAK-1), with the passphrases of those keys that leave in files. `headersOf`: what stock tools call a key.
     *
     * @throws open_failed: a passphrase is wrong. not_found, key_unfit, invalid_request, overloaded, challenge_expired, signer_unavailable
     */
    openBackup(spec: BackupSpec, headersOf: (record: KeyRecord) => NotaryHeaders): Promise<BackupSession>
    /** Which groups and keys of a backup would be taken in: see RestorePlan. @throws backup_invalid */
    planRestore(groups: readonly GroupRecord[], keys: readonly BackupKeyRecord[]): Promise<RestorePlan>

    signers(): readonly SignerProcessState[]
    close(): Promise<void>
}

export type KeyStoreOptions = {
    readonly store: Store
    readonly now: () => Date
    /** Milliseconds of a clock that never goes back and does not stop while the machine sleeps. */
    readonly monotonic: () => number
    readonly execPath: string
    readonly signerFiles: { readonly file: string; readonly pkcs11: string }
    readonly nodeFlags: readonly string[]
    readonly tokens: readonly TokenConfig[]
    readonly credentialsDirectory: string | undefined
    readonly cost: Argon2Cost
    readonly defaultTtlSeconds: number
    /** Where the tokens' quirks files are (docs/formats/quirks.md); it need not exist. */
    readonly quirksDirectory: string
    /** By the token's name: roots of attestations that count besides Yubico's. */
    readonly attestationRoots?: ReadonlyMap<string, AttestationRoots>
    readonly log: (record: object) => void
}
