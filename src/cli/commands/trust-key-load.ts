import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, withExamples, withPassphrase } from "../syntax.ts"
import { withFilePassphrase } from "./key-import.ts"

export type KeyLoadOptions = PassphraseOptions & { name?: string; filePassphraseFd?: number; filePassphraseFile?: string }

export function trustKeyLoadCommand(cli: Cli): Command {
    const command = newCommand(cli, "load", "Take in a private key file for signing tags.")
        .argument("<keyfile>", "a PEM file that only you can read")
        .option("--name <name>", 'the signer\'s name; default: what the file says, else "signer"')
        .action(async (file: string, options: KeyLoadOptions) => {
            const { loadKey } = await import("../load-key.ts")
            await loadKey(cli, file, options)
        })
    return withExamples(withFilePassphrase(withPassphrase(command)), [
        "trustkey trust key load alice.pem --name alice",
        "trustkey trust key load alice.pem --name alice --file-passphrase-fd 3 --passphrase-fd 4 3<old 4<new",
    ])
}
