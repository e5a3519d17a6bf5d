import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { keyJson, printKey } from "../present.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function keyShowCommand(cli: Cli): Command {
    const command = newCommand(cli, "show", "Show everything that is public about one key.")
        .argument("<id>", "the key's ID, or its first 7 or more digits")
        .addOption(jsonOption())
        .action(async (id: string, options: { json?: boolean }) => {
            const key = await (await cli.daemon()).getKey(id)
            if (options.json === true) cli.output.json(keyJson(key))
            else printKey(cli.output, key)
        })
    return withExamples(command, ["trustkey key show 3fa9c2d1e0aa"])
}
