import { Argument, type Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"
import { administratorOption, type PinFileOptions } from "../trust/pin-options.ts"

export function trustPinFirstUseCommand(cli: Cli): Command {
    const command = newCommand(cli, "first-use", "Say whether the first root of a repository that nobody has pinned is taken on faith.")
        .addArgument(new Argument("<verdict>", "allow or forbid").choices(["allow", "forbid"]))
        .addOption(administratorOption())
        .action(async (verdict: string, options: PinFileOptions) => {
            const { setFirstUse } = await import("../trust/pins.ts")
            await setFirstUse(cli, verdict === "allow", options)
        })
    return withExamples(command, ["trustkey trust pin first-use forbid"])
}
