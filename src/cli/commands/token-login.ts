import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { loginText } from "../present.ts"
import { duration, newCommand, type PinOptions, wholeNumber, withExamples, withPin } from "../syntax.ts"

type LoginOptions = PinOptions & { for?: number; uses?: number; evenFinalTry?: boolean; credential?: boolean }

export function tokenLoginCommand(cli: Cli): Command {
    const command = newCommand(cli, "login", "Log in to a token for a while, so that its keys can sign.")
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .addOption(new Option("--for <duration>", "how long, as 15m or 8h; the daemon has a default and a limit").argParser(duration))
        .addOption(new Option("--uses <n>", "log out after this many signatures").argParser(wholeNumber(1)))
        .option("--even-final-try", "go on although one more wrong PIN blocks the token; needs the admin socket")
        .option("--credential", "use the PIN the daemon is configured with; without --for it has no end")
        .action(async (name: string | undefined, options: LoginOptions) => {
            const { chooseToken } = await import("../choose-token.ts")
            const { login } = await import("../secrets.ts")
            const daemon = await cli.daemon(options.evenFinalTry === true ? "admin" : "sign")
            const limits = { ttlSeconds: options.for ?? 0, uses: options.uses ?? 0 }
            const token = await login(cli, daemon, await chooseToken(daemon, name), options, limits)
            cli.output.note(`Token ${token.name} is ${loginText(token).replace("logged-in", "logged in")}.`)
        })
    return withExamples(withPin(command), [
        "trustkey token login root-token",
        "trustkey token login root-token --for 10m --uses 3",
        "trustkey token login root-token --pin-fd 3 3< <(pass show root-pin)",
    ])
}
