import type { DaemonBackupState, DaemonBackups } from "./daemon-backups-types.ts"

/** What the daemon answers, as commands see it: every field present, enums as words, times as RFC 3339 text ("" for none). */

export const ALGORITHMS = ["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"] as const
export type AlgorithmName = (typeof ALGORITHMS)[number]

export const PURPOSES = ["root", "targets", "snapshot", "delegation", "ceremony"] as const
export type PurposeName = (typeof PURPOSES)[number]

export type Binding = { readonly gun: string; readonly role: string }

export type DaemonKeyCopy = {
    readonly token: string
    readonly uri: string
    readonly serial: string
    /** The token is there. */
    readonly present: boolean
    readonly pinPolicy: string
    readonly touchPolicy: string
}

export type DaemonKey = {
    readonly id: string
    /** "unknown" when a newer daemon has one we don't know. */
    readonly algorithm: AlgorithmName | "unknown"
    readonly purpose: PurposeName | "unknown"
    readonly label: string
    readonly publicKey: Uint8Array
    readonly keytype: string
    readonly bindings: readonly Binding[]
    readonly home: string
    readonly tokenUri: string
    readonly origin: string
    readonly createdAt: string
    readonly removedAt: string
    readonly state: "locked" | "unlocked" | "absent" | "removed" | "unknown"
    readonly unlockedUntil: string
    readonly usesLeft: number
    readonly ready: boolean
    /** Made, imported or enrolled by the user who asks. A daemon that doesn't say so yet is taken to mean no. */
    readonly mine: boolean
    /** Of a YubiKey's slot: "" when not known. */
    readonly pinPolicy: string
    readonly touchPolicy: string
    /** Tokens it was brought to and signs on besides. */
    readonly copies: readonly DaemonKeyCopy[]
    /** Its home is a token it was brought to, not made on. */
    readonly brought: boolean
    /** What a YubiKey says of a key it made, and what the daemon makes of it; not in lists. */
    readonly attestation: DaemonAttestation | undefined
    /** Who still needs it, as far as the daemon knows; empty in lists. */
    readonly needs: readonly DaemonKeyNeed[]
}

/** See KeyNeed in types.proto. */
export type DaemonKeyNeed = {
    readonly gun: string
    readonly role: string
    readonly kind: string
    readonly needed: boolean
    readonly text: string
}

export type DaemonAttestation = {
    /** DER */
    readonly certificate: Uint8Array
    readonly intermediate: Uint8Array
    /** "attested", "unknown-root", "invalid", or what a newer daemon says */
    readonly verdict: string
    /** Of an attested one: "yubico" or "configured". */
    readonly by: string
    readonly root: string
    readonly problem: string
    readonly serial: string
}

export type DaemonGroup = {
    readonly name: string
    readonly byPassphrase: boolean
    readonly credential: string
    readonly unlocked: boolean
    readonly unlockedUntil: string
    readonly keys: number
}

export type DaemonToken = {
    readonly name: string
    readonly uri: string
    readonly state: string
    readonly detail: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly tries: string
    readonly loggedInUntil: string
    /** Zero without a limit. */
    readonly usesLeft: number
    readonly kind: string
}

/** What a YubiKey says of itself besides; of another token, nothing. */
export type DaemonTokenDetails = {
    readonly token: DaemonToken
    readonly cardSerial: string
    readonly firmware: string
    readonly managementKey: string
    readonly managementKeyDefault: string
    readonly pinDefault: string
    readonly pinTries: string
    readonly pukTries: string
    readonly slots: readonly DaemonSlot[]
    readonly warnings: readonly { readonly name: string; readonly what: string; readonly consequence: string; readonly advice: string }[]
}

export type DaemonSlot = {
    readonly slot: string
    readonly algorithm: AlgorithmName | "unknown"
    readonly keyId: string
    readonly pinPolicy: string
    readonly touchPolicy: string
    readonly origin: string
    readonly certificateName: string
    readonly certificateSha256: string
    readonly uri: string
}

export type DaemonTokenObject = {
    readonly uri: string
    readonly label: string
    readonly id: Uint8Array
    readonly algorithm: AlgorithmName | "unknown"
    readonly keyId: string
    readonly local: boolean
    readonly sensitive: boolean
    readonly extractable: boolean
    readonly alwaysAuthenticate: boolean
}

/** A token that waits for a touch, or how that ended: see TokenEvent in tokens.proto. */
export type TouchNotice = {
    readonly id: number
    readonly kind: string
    readonly token: string
    readonly serial: string
    readonly slot: string
    readonly keyId: string
    readonly keyLabel: string
    readonly gun: string
    readonly role: string
    readonly version: number
    readonly difference: readonly string[]
    readonly deadline: string
    readonly touchPolicy: string
}

/** Is told of touches while a call runs that may wait for one. */
export type TouchWatcher = {
    notice(notice: TouchNotice): void
    /** The call is over, and with it whatever was noticed. */
    close(): void
}

/** What the doctor found out about a token and its module. */
export type DaemonTokenReport = {
    readonly token: string
    readonly uri: string
    readonly verdict: string
    readonly reason: string
    readonly module: string
    readonly family: string
    readonly library: string
    readonly label: string
    readonly serial: string
    readonly manufacturer: string
    readonly model: string
    readonly flags: readonly string[]
    readonly findings: readonly { readonly weight: string; readonly found: string; readonly consequence: string }[]
    readonly algorithms: readonly {
        readonly algorithm: string
        readonly makes: string
        readonly signs: string
        readonly detail: string
    }[]
    readonly ways: readonly { readonly way: string; readonly outcome: string; readonly proven: boolean; readonly answer: string }[]
    readonly mechanisms: readonly {
        readonly name: string
        readonly least: number
        readonly most: number
        readonly flags: readonly string[]
    }[]
    readonly slots: readonly {
        readonly id: string
        readonly description: string
        readonly present: boolean
        readonly label: string
        readonly serial: string
    }[]
    /** The quirks file's text. */
    readonly quirks: string
    /** Where it was written; empty: nowhere. */
    readonly written: string
}

export type WireFile = { readonly role: string; readonly content: Uint8Array }
export type WireSignature = { readonly keyid: string; readonly method: string; readonly sig: Uint8Array }
export type WireMark = { readonly role: string; readonly version: number; readonly sha256: string; readonly expires: string }

/** An authority's certificate, as it was kept. `expires`: RFC 3339 */
export type DaemonCertificate = {
    readonly pem: string
    readonly tufKeyId: string
    readonly expires: string
    readonly warnings: readonly string[]
}

export type DaemonRepository = {
    readonly gun: string
    readonly lineage: string
    readonly rootVersion: number
    readonly origin: string
    readonly marks: readonly WireMark[]
    readonly outbox: number
    readonly oldLineages: readonly string[]
    readonly state: string
    readonly documents: readonly WireFile[]
    /** When the first certificate of the newest root ends. */
    readonly certificateExpires: string
}

export type PublicKey = { readonly keytype: string; readonly public: Uint8Array }
export type RoleKeys = { readonly keys: readonly PublicKey[]; readonly threshold: number }

/** What the next root would be, or one that was begun; see RootPlan in trust.proto. `signed` is canonical, `code` 64 hex digits. */
export type RootPlan = {
    readonly signed: Uint8Array
    readonly version: number
    readonly base: string
    readonly difference: readonly string[]
    readonly code: string
    readonly oldThreshold: number
    readonly newThreshold: number
    readonly signers: readonly RootSigner[]
    readonly signatures: readonly WireSignature[]
}
/** `keyid` is the TUF key ID, `keyId` the canonical one ("": can't be read). */
export type RootSigner = {
    readonly keyid: string
    readonly keyId: string
    readonly old: boolean
    readonly new: boolean
    readonly ours: boolean
}

/** A root that was begun before, and has to be completed or voided before another can be signed. */
export type BegunRoot = {
    readonly version: number
    /** Undefined when only other holders have signed it so far. */
    readonly plan: RootPlan | undefined
}

export type PlannedRoot = { readonly plan: RootPlan; readonly begun: BegunRoot | undefined }

export type DaemonStatus = {
    readonly version: string
    readonly startedAt: string
    readonly socket: string
    readonly caller: string
    readonly signers: readonly { readonly name: string; readonly state: string; readonly detail: string; readonly restarts: number }[]
    readonly keys: number
    readonly unlockedKeys: number
    readonly repositories: number
    readonly outbox: number
    readonly auditRecords: number
    readonly problems: readonly string[]
    /** Undefined: it is not for the caller, or the daemon is older than backups. */
    readonly backup: DaemonBackupState | undefined
}

export type JournalEntry = {
    readonly sequence: number
    readonly kind: string
    readonly gun: string
    readonly lineage: string
    readonly role: string
    readonly version: number
    readonly sha256: string
    readonly keyId: string
    readonly state: string
    readonly promisedAt: string
}

export type AuditRecord = {
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

export type AuditVerdict = { readonly intact: boolean; readonly records: number; readonly brokenAt: number; readonly head: string }

export type Sealed = { readonly ephemeralPublic: Uint8Array; readonly nonce: Uint8Array; readonly ciphertext: Uint8Array }

export type Challenge = {
    readonly signerPublic: Uint8Array
    readonly nonce: Uint8Array
    readonly purpose: string
    readonly subject: string
}

export type KeySubject = { readonly keyId: string } | { readonly group: string }

export type KeyHome = SealedKeyHome | { readonly token: string; readonly piv?: PivOptions }
/** How a key is to lie in a YubiKey. */
export type PivOptions = {
    readonly slot: string
    readonly pinPolicy: string
    readonly touchPolicy: string
    /** Hexadecimal digits, sealed for purpose "management-key", subject "token:<name>". */
    readonly managementKey: Sealed
    /** For purpose "login". */
    readonly pin: Sealed | null
}
/** Where the daemon itself keeps a key. */
export type SealedKeyHome = { readonly passphrase: Sealed } | { readonly group: string }

export type SignSetBody = {
    readonly role: string
    readonly signed: Uint8Array
    readonly keyIds: readonly string[]
    readonly signatures: readonly WireSignature[]
    /** Hex SHA-256 of the document it was built from; empty: of nothing. */
    readonly base: string
}

/** The daemon's calls. Each rejects with a TrustkeyError: the daemon's own code, or daemon_unreachable, deadline_exceeded. */
export interface Daemon {
    readonly socket: "sign" | "admin"
    readonly backups: DaemonBackups
    status(): Promise<DaemonStatus>
    challenge(purpose: string, subject: string): Promise<Challenge>

    createKey(request: {
        algorithm: AlgorithmName
        purpose: PurposeName
        label: string
        home: KeyHome
        bindings: readonly Binding[]
        acceptPinOnce?: boolean
    }): Promise<DaemonKey>
    /** `pkcs8` is unencrypted PKCS#8 DER, sealed for purpose "import", subject "new", or "token:<name>" for a token. */
    importKey(request: {
        pkcs8: Sealed
        purpose: PurposeName
        label: string
        home: SealedKeyHome | { readonly token: string; readonly piv?: PivOptions; readonly serial?: string }
        bindings: readonly Binding[]
        acceptPinOnce?: boolean
    }): Promise<DaemonKey>
    enrollKey(request: {
        token: string
        uri: string
        purpose: PurposeName
        label: string
        bindings: readonly Binding[]
        acceptPinOnce?: boolean
    }): Promise<DaemonKey>
    /** All pages. */
    listKeys(filter: { gun?: string; role?: string; includeRemoved?: boolean }): Promise<readonly DaemonKey[]>
    getKey(id: string): Promise<DaemonKey>
    bindKey(request: { id: string; add: readonly Binding[]; remove: readonly Binding[] }): Promise<DaemonKey>
    unlock(request: { subject: KeySubject; sealed: Sealed | undefined; ttlSeconds: number; uses: number }): Promise<string>
    lock(subject: KeySubject | "all"): Promise<void>
    changePassphrase(request: { subject: KeySubject; oldSealed: Sealed; newSealed: Sealed }): Promise<void>
    removeKey(request: { id: string; confirm: string }): Promise<DaemonKey>
    /** `passphrase`: sealed for purpose "copy", subject "<key id>:<token>". */
    /** Both secrets sealed for the subject of `exportSubject`. @returns an age file */
    exportKey(request: { id: string; recipients: readonly string[]; passphrase: Sealed; identity: Sealed }): Promise<Uint8Array>
    /** `gun`: empty unless it has to be said. @returns the text of a key file, encrypted */
    exportKeyFile(request: {
        id: string
        confirm: string
        format: "notary" | "pkcs8"
        gun: string
        filePassphrase: Sealed
        passphrase: Sealed
    }): Promise<Uint8Array>
    copyKey(request: {
        id: string
        token: string
        serial: string
        from: { passphrase: Sealed } | { present: true }
        /** Of a key that lies there already the slot alone. */
        piv?: PivOptions | { readonly slot: string }
        acceptPinOnce?: boolean
    }): Promise<DaemonKey>
    forgetSealed(request: { id: string; confirm: string }): Promise<DaemonKey>
    rootCertificate(request: { keyId: string; gun: string }): Promise<{ pem: string; tufKeyId: string }>
    /** PKCS#10, PEM. */
    certificateRequest(request: { keyId: string; gun: string }): Promise<string>
    keepRootCertificate(request: { keyId: string; gun: string; chainPem: string }): Promise<DaemonCertificate>
    /** The CN=root certificate beside a root key on a card. `replace`: hex SHA-256 of the one that may go, or empty. */
    cardCertificate(request: { keyId: string; managementKey: Sealed; replace: string }): Promise<string>
    createGroup(request: { name: string; sealed: Sealed | undefined; credential: string }): Promise<DaemonGroup>
    listGroups(): Promise<readonly DaemonGroup[]>

    listTokens(): Promise<readonly DaemonToken[]>
    /** Zero for both: the daemon's default. */
    login(request: {
        token: string
        sealed: Sealed | undefined
        evenFinalTry: boolean
        ttlSeconds: number
        uses: number
    }): Promise<DaemonToken>
    /** Sealed for the purposes "pin-old" and "pin-new". */
    changePin(request: { token: string; oldSealed: Sealed; newSealed: Sealed; evenFinalTry: boolean }): Promise<DaemonToken>
    /** Sealed for the purposes "puk" and "pin-new". */
    unblockPin(request: { token: string; pukSealed: Sealed; newSealed: Sealed; evenFinalTry: boolean }): Promise<DaemonToken>
    logout(token: string): Promise<DaemonToken>
    examineToken(request: { token: string; write: boolean }): Promise<DaemonTokenReport>
    showToken(token: string): Promise<DaemonTokenDetails>
    tokenObjects(token: string): Promise<readonly DaemonTokenObject[]>

    sign(request: { keyId: string; gun: string; role: string; signed: Uint8Array }): Promise<WireSignature>
    signSet(request: {
        gun: string
        published: readonly WireFile[]
        bodies: readonly SignSetBody[]
        snapshot: { version: number; expires: string; keyIds: readonly string[] } | undefined
    }): Promise<readonly WireFile[]>

    /** The close of a ceremony by a key of purpose "ceremony": admin socket. `statement`: canonical JSON. */
    signClose(request: { keyId: string; statement: Uint8Array }): Promise<WireSignature>

    listTrust(): Promise<readonly DaemonRepository[]>
    showTrust(gun: string): Promise<DaemonRepository>
    adopt(request: { gun: string; files: readonly WireFile[]; confirm: string }): Promise<DaemonRepository>
    reset(request: { gun: string; confirm: string }): Promise<DaemonRepository>
    observe(request: { gun: string; files: readonly WireFile[] }): Promise<{ marks: readonly WireMark[]; published: readonly string[] }>
    /** `expires`: RFC 3339, whole seconds. A role that is left out stays. */
    planRoot(request: {
        gun: string
        published: readonly WireFile[]
        expires: string
        root?: RoleKeys
        targets?: RoleKeys
        snapshot?: RoleKeys
        timestamp?: RoleKeys
    }): Promise<PlannedRoot>
    begunRoot(request: { gun: string; published: readonly WireFile[] }): Promise<BegunRoot | undefined>
    outbox(gun: string): Promise<readonly WireFile[]>

    showJournal(request: { gun: string; role: string; after: number; limit: number }): Promise<readonly JournalEntry[]>
    voidPromise(request: { gun: string; role: string; version: number; confirm: string }): Promise<void>
    listAudit(request: { after: number; limit: number; newest: boolean }): Promise<readonly AuditRecord[]>
    verifyAudit(): Promise<AuditVerdict>

    close(): void
}
