import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, withExamples, withPassphrase } from "../syntax.ts"
import { withFilePassphrase } from "./key-import.ts"

export type KeyExportOptions = PassphraseOptions & {
    format: "notary" | "pkcs8"
    out: string
    gun?: string
    confirm?: string
    filePassphraseFd?: number
    filePassphraseFile?: string
}

export function keyExportCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "export",
        "Let a sealed key leave, in a file for other programs that is encrypted under a passphrase of its own. Needs the key's passphrase and the admin socket.",
    )
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .addOption(
            new Option("--format <format>", "for Notary's and docker's clients, or for OpenSSL and everything else")
                .choices(["notary", "pkcs8"])
                .makeOptionMandatory(),
        )
        .requiredOption("--out <file>", "the file to make; there must not be one")
        .option("--gun <gun>", "the repository that Notary's file of a targets or snapshot key names, if the key is not bound to just one")
        .option("--confirm <digits>", "the first 8 digits of the ID, instead of typing them")
    return withExamples(
        withFilePassphrase(withPassphrase(command)).action(async (id: string, options: KeyExportOptions) => {
            const { exportKeyFile } = await import("../export-key-file.ts")
            await exportKeyFile(cli, id, options)
        }),
        [
            "trustkey key export 3fa9c2d1e0aa --format notary --out 3fa9c2d1e0aa.key",
            "trustkey key export 3fa9c2d1e0aa --format pkcs8 --out app.pem --confirm 3fa9c2d1 --passphrase-fd 3 --file-passphrase-fd 4 3<old 4<new",
        ],
    )
}
