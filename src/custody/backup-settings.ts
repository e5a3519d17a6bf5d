/** What the configuration says of backups, and itself. */
export type BackupSettings = {
    readonly recipients: readonly string[]
    /** The public share-set file of one of them, canonical JSON. */
    readonly shares?: string
    readonly maxAgeSeconds: number
    readonly maxDrillAgeSeconds: number
    /** The configuration file as it was loaded. */
    readonly configuration: Uint8Array
}
