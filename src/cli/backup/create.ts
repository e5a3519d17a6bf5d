import path from "node:path"
import { backupFileName, type KeepRules, parseBackupFileName } from "../../backup/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { fileMode, GrowingFile, ownFileMode } from "../../storage/index.ts"
import type { Cli } from "../context.ts"
import type { DaemonBackup } from "../daemon-backups-types.ts"
import type { Daemon } from "../daemon-types.ts"
import type { FilePassphraseOptions } from "../file-passphrases.ts"
import { fingerprintText } from "./fingerprint.ts"
import { Progress } from "./progress.ts"
import { requestOf } from "./recipients.ts"
import { removeOutdated } from "./rotate.ts"

export type CreateOptions = FilePassphraseOptions & {
    readonly out: string
    readonly recipient?: readonly string[]
    readonly passphrase?: true
    readonly passphraseFd?: number
    readonly passphraseFile?: string
    readonly keyFile?: readonly string[]
    readonly keyPassphraseFd?: number
    readonly keyPassphraseFile?: string
    readonly keepCount?: number
    readonly keepAge?: number
    readonly json?: boolean
}

/** A backup to a file, which has its name when it is whole and on stable storage; then those that are out of date go. */
export async function createBackup(cli: Cli, options: CreateOptions): Promise<void> {
    const rules = keepRules(options)
    const place = await placeOf(options.out, rules)
    // For others than the configuration's recipients, and with key files, an administrator has to ask.
    const daemon = await cli.daemon(isForConfigured(options) ? "sign" : "admin")
    const { made, file } = await write(cli, daemon, place, options)
    const removed = rules === undefined ? [] : await removeOutdated(cli, daemon, place.directory, path.basename(file), rules)
    print(cli, made, file, removed, options.json === true)
}

function isForConfigured({ recipient, passphrase, passphraseFd, passphraseFile, keyFile }: CreateOptions): boolean {
    return [recipient, passphrase, passphraseFd, passphraseFile, keyFile].every((option) => option === undefined)
}

function keepRules({ keepCount: count, keepAge: age }: CreateOptions): KeepRules | undefined {
    if (count === undefined && age === undefined) return undefined
    return { ...(count === undefined ? {} : { count }), ...(age === undefined ? {} : { age }) }
}

/** `name` undefined: one that says when it was made and which it is. */
type Place = { readonly directory: string; readonly name: string | undefined }

/** @throws usage, already_exists, not_found: said before anything is made */
async function placeOf(out: string, rules: KeepRules | undefined): Promise<Place> {
    const there = await fileMode(out)
    if (there?.kind === "directory") return { directory: out, name: undefined }
    if (rules !== undefined)
        throw new TrustkeyError("usage", "--keep-count and --keep-age are about the backups in a directory: name one with --out")
    if ((await ownFileMode(out)) !== undefined) throw new TrustkeyError("already_exists", `${out} exists already`)
    const directory = path.dirname(out)
    if ((await fileMode(directory))?.kind !== "directory") throw new TrustkeyError("not_found", `${directory} is no directory`)
    return { directory, name: path.basename(out) }
}

async function write(
    cli: Cli,
    daemon: Daemon,
    { directory, name }: Place,
    options: CreateOptions,
): Promise<{ readonly made: DaemonBackup; readonly file: string }> {
    const request = await requestOf(cli, daemon, options)
    await using file = await GrowingFile.begin(directory)
    let whole: { readonly made: DaemonBackup; readonly file: string } | undefined
    using progress = new Progress(cli, "records")
    try {
        for await (const { data, records, total, made } of daemon.backups.create(request)) {
            await file.write(data)
            progress.show(records, total)
            if (made === undefined) continue
            // Asking for more tells the daemon that it is on stable storage.
            whole = { made, file: await file.finish(name ?? ownName(made), 0o600) }
        }
    } catch (error) {
        if (whole === undefined || !(error instanceof TrustkeyError)) throw error
        throw new TrustkeyError(
            error.code,
            `${whole.file} is whole, but the daemon does not count it as the last backup: ${error.message}`,
            {
                cause: error,
            },
        )
    }
    if (whole === undefined) throw new TrustkeyError("internal", "the daemon ended the backup without saying that it is whole")
    return whole
}

/** The daemon's word decides about no path. @throws internal */
function ownName({ at, fingerprint }: DaemonBackup): string {
    const madeAt = new Date(at)
    const name = Number.isNaN(madeAt.getTime()) ? "" : backupFileName(madeAt, fingerprint)
    if (parseBackupFileName(name) === undefined)
        throw new TrustkeyError("internal", "the daemon says of the backup it made neither when it was nor which it is")
    return name
}

function print({ output }: Cli, made: DaemonBackup, file: string, removed: readonly string[], json: boolean): void {
    if (json) {
        output.json({ file, ...made, removed })
        return
    }
    const { without, keyFiles, recipients } = made
    output.facts([
        ["backup", file],
        ["fingerprint", fingerprintText(made.fingerprint)],
        ["made", made.at],
        ["keys", `${made.keys}${without === 0 ? "" : `, ${without} of them on tokens alone: no backup holds those`}`],
        ["key files", keyFiles === 0 ? "" : String(keyFiles)],
        ["repositories", String(made.repositories)],
        ["opens with", recipients.length === 0 ? "its passphrase" : `the identity of any of ${recipients.join(", ")}`],
    ])
    for (const name of removed) output.note(`Removed ${name}: no rule keeps it.`)
    if (without > 0) output.note("trustkey backup inspect says what brings their repositories back.")
}
