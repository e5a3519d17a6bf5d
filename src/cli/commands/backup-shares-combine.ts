import type { Command } from "commander"
import { shareSetOption } from "../backup/opener-options.ts"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function backupSharesCombineCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "combine",
        "Put the age identity together from shares, for age or another trustkey. To open a backup, --shares of that command is enough.",
    )
        .argument("[share...]", "files with a share each, or - for a scanner's lines on standard input (asked for if left out)")
        .requiredOption("--out <file>", "a new file for the identity, which only you can read")
        .addOption(shareSetOption())
        .action(async (files: readonly string[], options: { out: string; shareSet?: string }) =>
            (await import("../backup/combine-shares.ts")).combineToFile(cli, files, options),
        )
    return withExamples(command, [
        "trustkey backup shares combine --out identity.txt",
        "trustkey backup shares combine share-1-of-5.txt share-4-of-5.txt share-5-of-5.txt --share-set backup-shares.json --out identity.txt",
    ])
}
