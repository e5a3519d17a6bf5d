import { type Command, Option } from "commander"
import type { CreateOptions } from "../backup/create.ts"
import type { Cli } from "../context.ts"
import { duration, jsonOption, newCommand, repeated, wholeNumber, withExamples } from "../syntax.ts"

export function backupCreateCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "create",
        "Write a backup: keys as they are sealed, promises, trusted roots, latest metadata, policy, in one age file for the configuration's recipients.",
    )
        .option("--out <path>", "the new file, or a directory it gets a name of its own in", ".")
        .addOption(
            new Option("--recipient <recipient>", "for this age1… recipient instead; repeatable; needs the admin socket").argParser(
                repeated,
            ),
        )
        .addOption(
            new Option("--passphrase", "for whoever knows a passphrase instead, which is asked for; needs the admin socket").conflicts([
                "recipient",
                "passphraseFd",
                "passphraseFile",
            ]),
        )
        .addOption(
            new Option("--passphrase-fd <n>", "read that passphrase from this open file descriptor")
                .argParser(wholeNumber(0))
                .conflicts("recipient"),
        )
        .addOption(
            new Option("--passphrase-file <file>", "read that passphrase from a file only you can read").conflicts([
                "recipient",
                "passphraseFd",
            ]),
        )
        .addOption(
            new Option(
                "--key-file <key>",
                "put a key file in as well that stock tools read, of a key by its ID or of all keys of group:NAME; repeatable; needs the admin socket",
            ).argParser(repeated),
        )
        .addOption(
            new Option("--key-passphrase-fd <n>", "read the passphrase of those keys from this open file descriptor").argParser(
                wholeNumber(0),
            ),
        )
        .addOption(
            new Option("--key-passphrase-file <file>", "read the passphrase of those keys from a file only you can read").conflicts(
                "keyPassphraseFd",
            ),
        )
        .addOption(
            new Option(
                "--file-passphrase-fd <n>",
                "read the passphrase the key files get from this open file descriptor; without one it lies in the backup",
            ).argParser(wholeNumber(0)),
        )
        .addOption(
            new Option("--file-passphrase-file <file>", "read the passphrase the key files get from a file only you can read").conflicts(
                "filePassphraseFd",
            ),
        )
        .addOption(
            new Option(
                "--keep-count <n>",
                "then remove older backups from the directory but for so many of the newest, and what --keep-age keeps",
            ).argParser(wholeNumber(1)),
        )
        .addOption(
            new Option(
                "--keep-age <duration>",
                "then remove backups older than this, as 90d, but for what --keep-count keeps; never the newest, nor the one of the last good drill",
            ).argParser(duration),
        )
        .addOption(jsonOption())
        .action(async (options: CreateOptions) => (await import("../backup/create.ts")).createBackup(cli, options))
    return withExamples(command, [
        "trustkey backup create",
        "trustkey backup create --out /var/lib/trustkeyd-backups --keep-count 14 --keep-age 90d",
        "trustkey backup create --out backup.age --recipient age1…",
        "trustkey backup create --out backup.age --key-file group:release",
    ])
}
