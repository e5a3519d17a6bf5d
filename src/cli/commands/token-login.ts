import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PinOptions, withExamples, withPin } from "../syntax.ts"

type LoginOptions = PinOptions & { evenFinalTry?: boolean; credential?: boolean }

export function tokenLoginCommand(cli: Cli): Command {
    const command = newCommand(cli, "login", "Log in to a token, so that its keys can sign.")
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .option("--even-final-try", "go on although one more wrong PIN blocks the token; needs the admin socket")
        .option("--credential", "use the PIN the daemon is configured with")
        .action(async (name: string | undefined, options: LoginOptions) => {
            const { chooseToken } = await import("../choose-token.ts")
            const { login } = await import("../secrets.ts")
            const daemon = await cli.daemon(options.evenFinalTry === true ? "admin" : "sign")
            const token = await login(cli, daemon, await chooseToken(daemon, name), options)
            cli.output.note(`Token ${token.name} is ${token.state}.`)
        })
    return withExamples(withPin(command), [
        "trustkey token login root-token",
        "trustkey token login root-token --pin-fd 3 3< <(pass show root-pin)",
    ])
}
