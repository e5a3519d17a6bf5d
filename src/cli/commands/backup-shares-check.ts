import type { Command } from "commander"
import { shareSetOption } from "../backup/opener-options.ts"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function backupSharesCheckCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "check",
        "Check one share alone: whether it is typed right, and with the set's public file whether it is as it was made.",
    )
        .argument("[share]", "a file with the share, or - for a scanner's line on standard input (asked for if left out)")
        .addOption(shareSetOption())
        .addOption(jsonOption())
        .action(async (file: string | undefined, options: { shareSet?: string; json?: boolean }) =>
            (await import("../backup/check-share.ts")).checkOneShare(cli, file, options),
        )
    return withExamples(command, [
        "trustkey backup shares check --share-set backup-shares.json",
        "trustkey backup shares check share-2-of-5.txt --share-set backup-shares.json --json",
    ])
}
