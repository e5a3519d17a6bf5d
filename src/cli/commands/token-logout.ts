import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, withExamples } from "../syntax.ts"

export function tokenLogoutCommand(cli: Cli): Command {
    const command = newCommand(cli, "logout", "Log out of a token: its keys can't sign until the next login.")
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .action(async (name: string | undefined) => {
            const { chooseToken } = await import("../choose-token.ts")
            const daemon = await cli.daemon()
            const token = await daemon.logout(await chooseToken(daemon, name))
            cli.output.note(`Token ${token.name} is ${token.state}.`)
        })
    return withExamples(command, ["trustkey token logout root-token"])
}
