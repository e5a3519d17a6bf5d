import type { Command } from "commander"
import { type OpenerOptions, withOpener } from "../backup/opener-options.ts"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function backupVerifyCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "verify",
        "Read all of a backup and check everything in it: whether it is whole, and what it says of keys, roots, files and promises. Needs no daemon.",
    )
        .argument("<file>", "the backup")
        .addOption(jsonOption())
        .action(async (file: string, options: OpenerOptions & { json?: boolean }) =>
            (await import("../backup/verify.ts")).verifyBackupFile(cli, file, options),
        )
    return withExamples(withOpener(command), [
        "trustkey backup verify trustkeyd.age --identity backup-identity.txt",
        "trustkey backup verify trustkeyd.age --shares --share-set backup-shares.json",
        "trustkey backup verify trustkeyd.age --passphrase-file backup-passphrase.txt --json",
    ])
}
