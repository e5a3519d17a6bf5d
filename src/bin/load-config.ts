import { encodeShareSet, parseShareSet } from "../backup/index.ts"
import { type Config, parseConfig } from "../config/index.ts"
import { type AttestationRoots, parseAttestationRoots } from "../crypto/index.ts"
import type { BackupSettings } from "../custody/index.ts"
import { TrustkeyError } from "../errors.ts"
import { fileMode, type NameLookup, readNameDatabase, readTextFile } from "../storage/index.ts"

/** The configuration with what it names for backups. */
export type LoadedConfig = Config & { readonly backupSettings: BackupSettings }

/** It names the programs we load: whoever may write it may do what we may. */
export async function loadConfig(file: string, names?: NameLookup): Promise<LoadedConfig> {
    const text = await readConfig(file)
    const config = parseConfig(text, names ?? (await readNameDatabase()))
    return { ...config, backupSettings: await readBackupSettings(config, text) }
}

/** Whoever may write the share set decides what backups say of their shares. @throws config_invalid, file_unsafe */
async function readBackupSettings({ backup }: Config, text: string): Promise<BackupSettings> {
    const { sharesFile: file, recipients, maxAgeSeconds, maxDrillAgeSeconds } = backup
    const settings = { recipients, maxAgeSeconds, maxDrillAgeSeconds, configuration: Buffer.from(text, "utf8") }
    if (file === undefined) return settings
    await requireOwn(file)
    try {
        const set = parseShareSet(Buffer.from(await readTextFile(file), "utf8"))
        if (recipients.includes(set.recipient)) return { ...settings, shares: encodeShareSet(set).toString("utf8") }
    } catch (cause) {
        if (!(cause instanceof TrustkeyError)) throw cause
        throw new TrustkeyError("config_invalid", `backup.shares: ${file}: ${cause.message}`, { cause })
    }
    throw new TrustkeyError("config_invalid", `backup.shares: ${file}: the recipient of this set is not one of backup.recipients`)
}

async function readConfig(file: string): Promise<string> {
    try {
        await requireOwn(file)
        return await readTextFile(file)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code === "file_unsafe") throw error
        const what = `the configuration ${file} cannot be used: ${error.message}`
        throw new TrustkeyError(
            "config_invalid",
            `${what}; put one there that uid ${process.geteuid?.()} may read, or name another with --config`,
        )
    }
}

async function requireOwn(file: string): Promise<void> {
    const facts = await fileMode(file)
    if (facts !== undefined && ((facts.mode & 0o022) !== 0 || ![0, process.geteuid?.()].includes(facts.uid))) {
        throw new TrustkeyError(
            "file_unsafe",
            `${file} can be written by others; it must be root's or the daemon's own, with a mode like 0640`,
        )
    }
}

/** Whoever may write them decides which cards we believe. @throws config_invalid, file_unsafe */
export async function readAttestationRoots({ tokens }: Config): Promise<ReadonlyMap<string, AttestationRoots>> {
    const roots = new Map<string, AttestationRoots>()
    for (const { name, attestationRoots: file } of tokens) {
        if (file === undefined) continue
        await requireOwn(file)
        try {
            roots.set(name, parseAttestationRoots(await readTextFile(file)))
        } catch (cause) {
            if (!(cause instanceof TrustkeyError)) throw cause
            throw new TrustkeyError("config_invalid", `token.attestation_roots of ${name}: ${file}: ${cause.message}`, { cause })
        }
    }
    return roots
}

/** Everything is validated before anything is replaced. What a running daemon can't change is named, and waits for a restart. */
export async function reload(file: string, running: LoadedConfig): Promise<{ next: LoadedConfig; ignored: readonly string[] }> {
    const read = await loadConfig(file)
    const fixed = ["stateDirectory", "sockets", "tokens", "limits", "unlock", "argon2", "logLevel"] as const
    const ignored = fixed.filter((field) => JSON.stringify(read[field]) !== JSON.stringify(running[field]))
    const { policy, backup, backupSettings } = read
    return { next: { ...running, policy, backup, backupSettings }, ignored }
}
