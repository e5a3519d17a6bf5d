import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, repeated, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { AddOptions } from "../trust/add-signer.ts"

export function trustSignerAddCommand(cli: Cli): Command {
    const command = newCommand(cli, "add", "Add a signer")
        .argument("<name>", "the signer's name: lowercase letters, digits, - and _")
        .argument("<repository...>", "the images' names, without a tag")
        .option("--key <file>", "the signer's public key or certificate, PEM; repeatable", repeated)
        .option("--root-key <id>", "for a new repository: this root key, when there are several or the only one is not your own")
        .option("--group <name>", "for a new repository: seal its keys in this key group")
        .action(async (name: string, repositories: readonly string[], options: AddOptions & { key?: readonly string[] }) => {
            const { addSigners } = await import("../trust/signers.ts")
            await addSigners(cli, name, repositories, options)
        })
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust signer add --key alice.pub alice registry.example.com/team/app",
        "trustkey trust signer add --key old.pub --key new.crt alice registry.example.com/team/app registry.example.com/team/tool",
    ])
}
