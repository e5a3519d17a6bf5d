import { readKeyFile } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { AgeKeyFiles } from "../age-key-files.ts"
import type { Cli } from "../context.ts"
import type { Daemon } from "../daemon-types.ts"
import { type FilePassphraseOptions, FilePassphrases } from "../file-passphrases.ts"
import { importedId, importOpened } from "../import-key.ts"
import { readPrivateKeys } from "../key-files.ts"
import { located } from "../located.ts"
import { shortId } from "../output.ts"
import type { ScratchTokens } from "../scratch/scratch-tokens.ts"
import { login, roleWord } from "../secrets.ts"
import type { BackupKey } from "./drilled-keys.ts"

export type DrillExportOptions = FilePassphraseOptions & {
    /** Files with private keys that are not in the backup: an age file of a ceremony, or a key file. */
    readonly export?: readonly string[]
    readonly exportIdentity?: string
    readonly exportIdentityFd?: number
}

/** The one token a drill has, if it needs one. */
export const DRILL_TOKEN = "drill"
const TTL_SECONDS = 12 * 3600

/**
 * Exports of keys that can't leave their tokens, brought to the scratch token: they sign from there. Before the restore, for what is there stays.
 *
 * @returns the IDs
 * @throws not_found: the backup has no such key; what reading and opening the files throws
 */
export async function bringExports(
    cli: Cli,
    daemon: Daemon,
    tokens: ScratchTokens,
    keys: readonly BackupKey[],
    options: DrillExportOptions,
): Promise<ReadonlySet<string>> {
    const known = new Map<string, BackupKey>(keys.map((key) => [key.id, key]))
    const { exportIdentity: identity, exportIdentityFd: identityFd } = options
    const opensAge = { ...(identity === undefined ? {} : { identity }), ...(identityFd === undefined ? {} : { identityFd }) }
    using ageFiles = new AgeKeyFiles(cli, opensAge, async () => {})
    using passphrases = new FilePassphrases(cli, options)
    await login(cli, daemon, DRILL_TOKEN, { pinFile: tokens.pinFile(DRILL_TOKEN) }, { ttlSeconds: TTL_SECONDS, uses: 0 })
    const brought = new Set<string>()
    for (const file of options.export ?? []) {
        const ids = await located(file, () => bringFile(cli, daemon, tokens, known, ageFiles, passphrases, file))
        for (const id of ids) brought.add(id)
    }
    return brought
}

async function bringFile(
    cli: Cli,
    daemon: Daemon,
    tokens: ScratchTokens,
    known: ReadonlyMap<string, BackupKey>,
    ageFiles: AgeKeyFiles,
    passphrases: FilePassphrases,
    file: string,
): Promise<readonly string[]> {
    using content = await ageFiles.open(file)
    using entries = new DisposableStack()
    const ids: string[] = []
    for (const entry of content === undefined ? await readPrivateKeys(file) : content.reveal(readKeyFile)) {
        entries.use(entry)
        const opened = await passphrases.open(entry, entry.role, `key in ${file}`)
        using _ = opened.pkcs8
        const key = known.get(importedId(opened))
        if (key === undefined) throw new TrustkeyError("not_found", `the backup has no key ${shortId(importedId(opened))}`)
        cli.output.note(`Bringing the ${roleWord(key)} key ${shortId(key.id)} to a token of the drill.`)
        const place = { token: DRILL_TOKEN, serial: tokens.serials.get(DRILL_TOKEN) ?? "" }
        await importOpened(cli, daemon, opened, { purpose: key.purpose, label: key.label, bindings: [], place })
        ids.push(key.id)
    }
    return ids
}
