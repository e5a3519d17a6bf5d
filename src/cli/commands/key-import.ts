import { type Command, Option } from "commander"
import { withIdentity } from "../backup/opener-options.ts"
import type { Cli } from "../context.ts"
import {
    type CardFlags,
    jsonOption,
    newCommand,
    type PassphraseOptions,
    type PinOptions,
    repeated,
    wholeNumber,
    withCard,
    withExamples,
    withPassphrase,
} from "../syntax.ts"

export type KeyImportOptions = PassphraseOptions &
    CardFlags &
    PinOptions & {
        role?: string
        gun?: string
        name?: string
        group?: string
        token?: string
        acceptPinOnce?: boolean
        certificate?: boolean
        bind?: readonly string[]
        filePassphraseFd?: number
        filePassphraseFile?: string
        identityFd?: number
        identity?: string
        serial?: string
        fromDockerTrust?: boolean
        dryRun?: boolean
        yes?: boolean
        json?: boolean
    }

export function keyImportCommand(cli: Cli): Command {
    const command = newCommand(cli, "import", "Take in private keys from files of Notary, docker or OpenSSL, and seal them anew.")
        .argument(
            "[files...]",
            "PEM files that only you can read, or encrypted with age as a ceremony exports them; with --from-docker-trust: trust directories",
        )
        .option("--role <role>", "what the key is for, if the file does not say it: root, targets, snapshot, or a signer's name")
        .option("--gun <gun>", "whose targets or snapshot key it is, if the file does not say it")
        .option("--name <text>", "a name for people; for a delegation key the signer's")
        .option("--group <name>", "seal it in this key group instead of under a passphrase of its own")
        .addOption(
            new Option("--token <name>", "put it on this token, into a slot if it is a YubiKey; one key at a time").conflicts("group"),
        )
        .option("--serial <number>", "with --token: its serial number as you know it; instead of typing it, of a token that is no YubiKey")
        .option("--no-certificate", "with --token: don't write the certificate by which stock Notary clients find a root key")
        .option("--bind <role@gun>", "where it may sign besides; repeatable", repeated)
        .addOption(
            new Option(
                "--from-docker-trust",
                "take in all keys and repositories of trust directories (~/.docker/trust and ~/.notary)",
            ).conflicts(["role", "gun", "name", "bind", "token"]),
        )
        .option("--dry-run", "with --from-docker-trust: only show what would come over")
        .option("--yes", "with --from-docker-trust: don't ask whether to go on")
    return withExamples(
        withIdentity(withFilePassphrase(withCard(withPassphrase(command))))
            .addOption(jsonOption())
            .action(action(cli, command)),
        [
            "trustkey key import --from-docker-trust",
            "trustkey key import ~/.docker/trust/private/3fa9c2d1e0aa*.key",
            "trustkey key import --role alice alice.pem",
            "trustkey key import --role targets --gun registry.example.com/team/app old.pem",
            "trustkey key import --token yubikey --slot 9c ~/.docker/trust/private/3fa9c2d1e0aa*.key",
            "trustkey key import --role root --token hsm --serial 12345678 --identity dana.identity root.age",
            "trustkey key import --group ci --file-passphrase-fd 3 export.pem 3<old-passphrase",
        ],
    )
}

function action(cli: Cli, command: Command): (files: readonly string[], options: KeyImportOptions) => Promise<void> {
    return async (files, options) => {
        if (options.fromDockerTrust === true) {
            const { comeOver } = await import("../coming-over/come-over.ts")
            await comeOver(cli, files, options)
            return
        }
        if (options.dryRun === true || options.yes === true) command.error("error: --dry-run and --yes belong to --from-docker-trust")
        if (files.length === 0) command.error("error: missing required argument 'files'", { code: "commander.missingArgument" })
        const { importKeyFiles } = await import("../import-files.ts")
        await importKeyFiles(cli, files, options)
    }
}

/** The ways to give the passphrase a file was encrypted with. */
export function withFilePassphrase(command: Command): Command {
    return command
        .addOption(
            new Option("--file-passphrase-fd <n>", "read the passphrase of the files from this open file descriptor").argParser(
                wholeNumber(0),
            ),
        )
        .addOption(
            new Option("--file-passphrase-file <file>", "read the passphrase of the files from a file only you can read").conflicts(
                "filePassphraseFd",
            ),
        )
}
