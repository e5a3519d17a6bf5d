import type { Sealed } from "./daemon-types.ts"

/** What the daemon answers about backups; see backups.proto for what each field means. Times are RFC 3339 text ("" for none), hashes hex. */

export type DaemonBackup = {
    readonly fingerprint: string
    readonly at: string
    readonly records: number
    /** Of the age file; 0: not known. */
    readonly bytes: number
    readonly keys: number
    readonly keyFiles: number
    /** Keys whose private half is not in it: they lie on tokens alone. */
    readonly without: number
    readonly repositories: number
    /** None: it opens with a passphrase. */
    readonly recipients: readonly string[]
    readonly auditSequence: number
    readonly auditHead: string
}

export type DaemonDrill = {
    readonly fingerprint: string
    readonly at: string
    readonly keys: number
    readonly without: number
    /** SHA-256 of the receipt. */
    readonly receipt: string
}

/** How old the proof is. */
export type DaemonBackupState = {
    readonly last: DaemonBackup | undefined
    readonly lastDrill: DaemonDrill | undefined
    readonly recipients: readonly string[]
    /** 0: nobody said. */
    readonly maxAgeSeconds: number
    readonly maxDrillAgeSeconds: number
    readonly backupOverdue: boolean
    readonly drillOverdue: boolean
}

/** For whom: X25519 recipients of age (none: the configuration's), or a passphrase sealed for purpose "backup-passphrase", subject "backup". */
export type BackupTo = { readonly recipients: readonly string[] } | { readonly passphrase: Sealed }

export type KeyFileRequest = {
    readonly sources: readonly {
        readonly subject: { readonly keyId: string } | { readonly group: string }
        /** Sealed for purpose "backup", subject `keyFileSubject`. */
        readonly passphrase: Sealed
    }[]
    /** Sealed for purpose "backup-files", subject `backupSubject`; undefined: one is made, and lies in the backup. */
    readonly passphrase: Sealed | undefined
}

/** Of a backup that is being made. */
export type BackupPart = {
    /** What follows of the file; may be empty. */
    readonly data: Uint8Array
    readonly records: number
    readonly total: number
    /** In the last part, and in no other: without it the file is not whole. */
    readonly made: DaemonBackup | undefined
}

/** A member of the archive. */
export type RestoreRecord = { readonly name: string; readonly content: Uint8Array }

export type RestoreChange = {
    /** "add", "raise", "differs", "removed", or what a newer daemon says */
    readonly kind: string
    readonly subject: string
    readonly name: string
    readonly gun: string
    readonly role: string
    readonly text: string
}

export type RestoreOutcome = {
    /** False: nothing was changed. */
    readonly done: boolean
    /** Of the records that came. */
    readonly digest: string
    readonly madeAt: string
    /** The daemon has on record that it made this backup. */
    readonly madeHere: boolean
    readonly records: number
    readonly added: number
    readonly raised: number
    readonly differing: number
    readonly same: number
    readonly auditSequence: number
    readonly auditHead: string
}

export type KeyProof = {
    readonly keyId: string
    readonly signature: Uint8Array
    /** "": it has signed. */
    readonly errorCode: string
    readonly errorMessage: string
}

/** The daemon's calls about backups; each rejects as those of `Daemon` do. */
export type DaemonBackups = {
    /**
     * Reads no faster than it is asked to. Ended early it ends at the daemon, too. Whoever asks for more after the last part tells the daemon by it that the file is on
     * stable storage: then it counts as the last backup.
     */
    create(request: { readonly to: BackupTo; readonly keyFiles?: KeyFileRequest }): AsyncGenerator<BackupPart>
    /**
     * What `records`, without those in notary/, would change here. With `confirm`, at least the first 16 digits of the fingerprint as a person typed
     * them, and the digest that the call without it answered: it is changed, all of it or nothing.
     */
    restore(
        request: { readonly fingerprint: string; readonly confirm?: { readonly typed: string; readonly digest: string } },
        records: AsyncIterable<RestoreRecord>,
        onChange: (change: RestoreChange) => void,
    ): Promise<RestoreOutcome>
    /** Signatures over a drill's challenge, in the order of the keys. Any number of them. */
    prove(request: { readonly challenge: Uint8Array; readonly keyIds: readonly string[] }): Promise<readonly KeyProof[]>
    /** Of a drill that was good; the daemon checks it. */
    recordDrill(receipt: Uint8Array): Promise<DaemonDrill>
}
