import type { Command } from "commander"
import type { MakeSharesOptions } from "../backup/make-shares.ts"
import { withIdentity } from "../backup/opener-options.ts"
import type { Cli } from "../context.ts"
import { newCommand, wholeNumber, withExamples } from "../syntax.ts"

export function backupSharesCreateCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "create",
        "Make an age identity for backups, and split it into shares of which some suffice. Nobody holds the whole of it.",
    )
        .requiredOption("--threshold <m>", "how many shares open a backup", wholeNumber(2))
        .requiredOption("--shares <n>", "how many there are", wholeNumber(2))
        .requiredOption("--out <directory>", "a new or empty directory: a page for each holder, and the public file of the set")
        .action(async (options: MakeSharesOptions) => (await import("../backup/make-shares.ts")).makeShares(cli, options))
    return withExamples(withIdentity(command), [
        "trustkey backup shares create --threshold 3 --shares 5 --out /run/user/1000/shares",
        "trustkey backup shares create --threshold 2 --shares 3 --out shares --identity old-identity.txt",
    ])
}
