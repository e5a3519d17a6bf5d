import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PassphraseOptions, type PinOptions, withExamples, withPassphrase, withPin } from "../syntax.ts"

export type SignFileOptions = PassphraseOptions & PinOptions & { gun: string; role: string; key?: string; out?: string; confirm?: boolean }

export function signCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "sign",
        "Sign one metadata file: a whole file, or only its signed value; out comes the whole file, byte for byte as Notary writes it.",
    )
        .argument("<file>", "the metadata; - is stdin")
        .requiredOption("--gun <gun>", "the repository it is for")
        .requiredOption("--role <role>", "root, targets, snapshot or targets/...")
        .option("--key <id>", "sign with this key; as a rule every key that is bound to the role signs")
        .option("--out <file>", "write it to this file instead of stdout")
        .option("--confirm", "sign a root whose code was compared, without asking; a script can't be asked")
        .action(async (file: string, options: SignFileOptions) => {
            const { signFile } = await import("../sign-file.ts")
            await signFile(cli, file, options)
        })
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey sign --gun registry.example.com/team/app --role targets --out signed/targets.json targets.json",
        "trustkey sign --gun registry.example.com/team/app --role root --key 3fa9c2d1e0aa --confirm root.json > root.signed.json",
    ])
}
