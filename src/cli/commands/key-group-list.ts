import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { printGroups } from "../present.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function keyGroupListCommand(cli: Cli): Command {
    const command = newCommand(cli, "list", "List the key groups.")
        .addOption(jsonOption())
        .action(async (options: { json?: boolean }) => {
            const groups = await (await cli.daemon()).listGroups()
            if (options.json === true) cli.output.json({ groups })
            else printGroups(cli.output, groups)
        })
    return withExamples(command, ["trustkey key group list"])
}
