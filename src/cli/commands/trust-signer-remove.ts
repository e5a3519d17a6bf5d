import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { RemoveOptions } from "../trust/remove-signer.ts"

export function trustSignerRemoveCommand(cli: Cli): Command {
    const command = newCommand(cli, "remove", "Remove a signer")
        .argument("<name>", "the signer's name")
        .argument("<repository...>", "the images' names, without a tag")
        .option("-f, --force", "do not prompt for confirmation before removing the most recent signer")
        .option("--resign", "sign again what only this signer had signed, so that it stays pullable")
        .action(async (name: string, repositories: readonly string[], options: RemoveOptions) => {
            const { removeSigners } = await import("../trust/signers.ts")
            await removeSigners(cli, name, repositories, options)
        })
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust signer remove alice registry.example.com/team/app",
        "trustkey trust signer remove alice registry.example.com/team/app --resign",
    ])
}
