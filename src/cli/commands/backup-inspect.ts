import type { Command } from "commander"
import { type OpenerOptions, withOpener } from "../backup/opener-options.ts"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function backupInspectCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "inspect",
        "Show what a backup holds: when and for whom it was made, each key and what opens it or takes its place, each repository. Needs no daemon.",
    )
        .argument("<file>", "the backup")
        .addOption(jsonOption())
        .action(async (file: string, options: OpenerOptions & { json?: boolean }) =>
            (await import("../backup/inspect.ts")).inspectBackup(cli, file, options),
        )
    return withExamples(withOpener(command), [
        "trustkey backup inspect trustkeyd.age --identity backup-identity.txt",
        "trustkey backup inspect trustkeyd.age --identity backup-identity.txt --json",
    ])
}
