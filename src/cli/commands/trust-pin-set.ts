import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, repeated, withExamples } from "../syntax.ts"
import { administratorOption, type SetPinOptions } from "../trust/pin-options.ts"

export function trustPinSetCommand(cli: Cli): Command {
    const command = newCommand(cli, "set", "Pin a repository's root, by certificate, by authority or both. A pin it has is replaced.")
        .argument("<repository>", "the image's name without a tag, or a pattern: registry.example.com/**")
        .addOption(new Option("--certificate <id>", "a root certificate's ID, 64 hex digits (repeatable)").argParser(repeated))
        .option("--authority <file>", "a PEM file with the authority that issues root certificates")
        .addOption(
            new Option("--known", "the certificates of the root that was verified on this machine before").conflicts(["certificate"]),
        )
        .addOption(administratorOption())
        .action(async (repository: string, options: SetPinOptions) => {
            const { setPin } = await import("../trust/pins.ts")
            await setPin(cli, repository, options)
        })
    return withExamples(command, [
        "trustkey trust pin set registry.example.com/team/app --certificate 67c4e1a0d5b2...13",
        "trustkey trust pin set registry.example.com/team/app --known",
        "trustkey trust pin set 'registry.example.com/**' --authority root-ca.pem --administrator",
    ])
}
