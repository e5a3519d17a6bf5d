import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function trustPinShowCommand(cli: Cli): Command {
    const command = newCommand(cli, "show", "Show which roots are pinned, and for one repository what decides.")
        .argument("[repository]", "the image's name without a tag")
        .addOption(jsonOption())
        .action(async (repository: string | undefined, options: { json?: boolean }) => {
            const { showPins } = await import("../trust/pins.ts")
            await showPins(cli, repository, options.json === true)
        })
    return withExamples(command, ["trustkey trust pin show", "trustkey trust pin show registry.example.com/team/app"])
}
