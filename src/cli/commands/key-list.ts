import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { keyJson, printKeys } from "../present.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

type ListOptions = { gun?: string; role?: string; all?: boolean; json?: boolean }

export function keyListCommand(cli: Cli): Command {
    const command = newCommand(cli, "list", "List the keys you may see.")
        .option("--gun <gun>", "only keys bound to this repository")
        .option("--role <role>", "only keys bound to this role")
        .option("--all", "also keys that were removed")
        .addOption(jsonOption())
        .action(async (options: ListOptions) => {
            const { gun, role } = options
            const filter = {
                ...(gun === undefined ? {} : { gun }),
                ...(role === undefined ? {} : { role }),
                includeRemoved: options.all === true,
            }
            const keys = await (await cli.daemon()).listKeys(filter)
            if (options.json === true) cli.output.json({ keys: keys.map(keyJson) })
            else printKeys(cli.output, keys)
        })
    return withExamples(command, [
        "trustkey key list",
        "trustkey key list --gun registry.example.com/team/app --role targets",
        "trustkey key list --json",
    ])
}
