import { type BackupReport, BackupVerifier } from "../../backup/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import { printable } from "../output.ts"
import { ArchiveFile } from "./archive-file.ts"
import { backupFacts } from "./describe-backup.ts"
import { openerFor } from "./identities.ts"
import type { OpenerOptions } from "./opener-options.ts"

export type VerifyBackupOptions = OpenerOptions & { json?: boolean }

/** @throws backup_invalid naming the record, state_newer, open_failed */
export async function verifyBackupFile(cli: Cli, file: string, options: VerifyBackupOptions): Promise<void> {
    const verifier = new BackupVerifier()
    using opener = await openerFor(cli, options)
    try {
        await new ArchiveFile(file, opener).read((record) => void verifier.take(record))
    } catch (error) {
        if (options.json === true && error instanceof TrustkeyError && error.code === "backup_invalid") {
            cli.output.json({ ok: false, problem: error.message })
        }
        throw error
    }
    const { report } = verifier
    if (options.json === true) cli.output.json(jsonOf(report))
    else print(cli, report)
    cli.output.note("That somebody knows what opens the keys, no file can show: trustkey backup drill does.")
}

function jsonOf({ head, ...rest }: BackupReport): object {
    const { created, program, recipients, audit } = head
    return { ok: true, created, program, recipients, audit, ...rest }
}

function print({ output }: Cli, report: BackupReport): void {
    for (const { record, text } of report.warnings) output.line(`note   ${record}: ${printable(text)}`)
    output.line(`The backup is good: ${report.records} records, all of them read and checked`)
    const { keys, repositories, retired, keyFiles, keyFilePassphrase } = report
    const groups = report.groups.map(({ name, keys }) => `${keys} with group ${name}`)
    output.facts([
        ...backupFacts(report.head, report.fingerprint),
        [
            "sealed keys",
            [`${keys.own + keys.inGroups}`, ...(keys.own === 0 ? [] : [`${keys.own} with a passphrase of their own`]), ...groups].join(
                ", ",
            ),
        ],
        [
            "on tokens",
            keys.onTokens === 0
                ? ""
                : `${keys.onTokens} that can't leave them; nothing brings back what ${keys.withoutWayBack} of them sign for`,
        ],
        ["removed keys", keys.removed === 0 ? "" : String(keys.removed)],
        ["repositories", `${repositories}${retired === 0 ? "" : `, and ${retired} that were begun anew`}`],
        [
            "key files",
            keyFiles === 0 ? "" : `${keyFiles}, ${keyFilePassphrase ? "and what opens them" : "and what opens them is not here"}`,
        ],
    ])
}
