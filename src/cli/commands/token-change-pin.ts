import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PinOptions, wholeNumber, withExamples, withPin } from "../syntax.ts"

type ChangePinOptions = PinOptions & { newPinFd?: number; newPinFile?: string; evenFinalTry?: boolean }

export function tokenChangePinCommand(cli: Cli): Command {
    const command = newCommand(cli, "change-pin", "Give a token a new PIN. Nobody is logged in to it afterwards.")
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .option("--even-final-try", "go on although one more wrong PIN blocks the token; needs the admin socket")
        .action(async (name: string | undefined, options: ChangePinOptions) => {
            const { chooseToken } = await import("../choose-token.ts")
            const { changePin } = await import("../new-pin.ts")
            const daemon = await cli.daemon(options.evenFinalTry === true ? "admin" : "sign")
            await changePin(cli, daemon, await chooseToken(daemon, name), options)
        })
    return withExamples(withNewPin(withPin(command)), [
        "trustkey token change-pin root-token",
        "trustkey token change-pin root-token --pin-fd 3 --new-pin-fd 4 3< old 4< new",
    ])
}

/** The ways to give a new PIN without a terminal. */
export function withNewPin(command: Command): Command {
    return command
        .addOption(new Option("--new-pin-fd <n>", "read the new PIN from this open file descriptor").argParser(wholeNumber(0)))
        .addOption(new Option("--new-pin-file <file>", "read the new PIN from a file only you can read").conflicts("newPinFd"))
}
