import type { Command } from "commander"
import { type OpenerOptions, withOpener } from "../backup/opener-options.ts"
import type { RestoreOptions } from "../backup/restore.ts"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function backupRestoreCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "restore",
        "Take in what a backup has and the daemon lacks: shown first, then all of it or nothing. No mark is ever lowered. Needs the admin socket.",
    )
        .argument("<file>", "the backup")
        .option("--dry-run", "only show what would change")
        .option("--confirm <fingerprint>", "the first 16 or more digits of the backup's fingerprint, instead of typing them")
        .addOption(jsonOption())
        .action(async (file: string, options: OpenerOptions & RestoreOptions) => {
            const { openerFor } = await import("../backup/identities.ts")
            const { ArchiveFile } = await import("../backup/archive-file.ts")
            const { restore } = await import("../backup/restore.ts")
            using opener = await openerFor(cli, options)
            await restore(cli, new ArchiveFile(file, opener), options)
        })
    return withExamples(withOpener(command), [
        "trustkey backup restore backup.age --identity identity.txt --dry-run",
        "trustkey backup restore backup.age --identity identity.txt",
        'trustkey backup restore backup.age --shares --confirm "0f3c 99a1 b2d4 5e66"',
    ])
}
