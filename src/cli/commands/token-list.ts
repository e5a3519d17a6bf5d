import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { printTokens } from "../present.ts"
import { jsonOption, newCommand, withExamples } from "../syntax.ts"

export function tokenListCommand(cli: Cli): Command {
    const command = newCommand(cli, "list", "List the tokens of the daemon's configuration and what state they are in.")
        .addOption(jsonOption())
        .action(async (options: { json?: boolean }) => {
            const tokens = await (await cli.daemon()).listTokens()
            if (options.json === true) cli.output.json({ tokens })
            else printTokens(cli.output, tokens)
        })
    return withExamples(command, ["trustkey token list"])
}
