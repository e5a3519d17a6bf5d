import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"
import { administratorOption, type PinFileOptions } from "../trust/pin-options.ts"

export function trustPinRemoveCommand(cli: Cli): Command {
    const command = newCommand(cli, "remove", "Take a pin away. A root that is trusted here already stays trusted.")
        .argument("<repository>", "the image's name without a tag, or the pattern as it was set")
        .addOption(administratorOption())
        .action(async (repository: string, options: PinFileOptions) => {
            const { removePin } = await import("../trust/pins.ts")
            await removePin(cli, repository, options)
        })
    return withExamples(command, ["trustkey trust pin remove registry.example.com/team/app"])
}
