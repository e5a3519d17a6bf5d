import { type Command, Option } from "commander"
import { withOpener } from "../backup/opener-options.ts"
import type { RunDrillOptions } from "../backup/run-drill.ts"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, repeated, wholeNumber, withExamples } from "../syntax.ts"
import { withFilePassphrase } from "./key-import.ts"

export function backupDrillCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "drill",
        "Prove that a backup brings the keys back: restore it into a daemon of its own, have every key sign, destroy all of it, and keep a receipt.",
    )
        .argument("<file>", "the backup")
        .option("--receipt <path>", "a new file for the receipt, or a directory it gets a name of its own in", ".")
        .option("--partial", "a receipt although keys were left out; such a drill does not count")
        .option("--no-record", "don't have this machine's daemon keep the receipt: the backup is another's")
        .addOption(
            new Option("--key-passphrase-fd <n>", "read a passphrase of keys and groups from this open file descriptor").argParser(
                wholeNumber(0),
            ),
        )
        .addOption(
            new Option("--key-passphrase-file <file>", "read a passphrase of keys and groups from a file only you can read").conflicts(
                "keyPassphraseFd",
            ),
        )
        .option(
            "--key-passphrases <file>",
            "read many from a file only you can read: lines of group:NAME or a key ID, a space, and the passphrase",
        )
        .addOption(
            new Option(
                "--export <file>",
                "a key that can't leave its token, as a ceremony exported it, or a key file: it signs from a software token; repeatable",
            ).argParser(repeated),
        )
        .addOption(
            new Option("--export-identity <file>", "an age identity for those files, in a file only you can read").conflicts(
                "exportIdentityFd",
            ),
        )
        .addOption(
            new Option("--export-identity-fd <n>", "read the age identity for those files from this open file descriptor").argParser(
                wholeNumber(0),
            ),
        )
        .addOption(jsonOption())
        .action(async (file: string, options: RunDrillOptions) => (await import("../backup/run-drill.ts")).runDrill(cli, file, options))
    return withExamples(withFilePassphrase(withOpener(command)), [
        "trustkey backup drill backup.age --identity identity.txt",
        "trustkey backup drill backup.age --shares --receipt receipts",
        "trustkey backup drill backup.age --identity identity.txt --key-passphrases passphrases.txt --no-record",
    ])
}
