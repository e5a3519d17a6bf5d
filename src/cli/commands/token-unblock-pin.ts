import { type Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { newCommand, type PinOptions, pinentryOption, wholeNumber, withExamples } from "../syntax.ts"
import { withNewPin } from "./token-change-pin.ts"

type UnblockPinOptions = Pick<PinOptions, "pinentry"> & {
    pukFd?: number
    pukFile?: string
    newPinFd?: number
    newPinFile?: string
    evenFinalTry?: boolean
}

export function tokenUnblockPinCommand(cli: Cli): Command {
    const command = newCommand(
        cli,
        "unblock-pin",
        "Give a token whose PIN is blocked a new one, with its PUK or its security officer's PIN. Needs the admin socket.",
    )
        .argument("[name]", "the token's name in the configuration; may be left out when there is only one")
        .addOption(new Option("--puk-fd <n>", "read the PUK, or the SO PIN, from this open file descriptor").argParser(wholeNumber(0)))
        .addOption(new Option("--puk-file <file>", "read it from a file only you can read").conflicts("pukFd"))
        .addOption(pinentryOption())
        .option("--even-final-try", "go on although one more wrong PUK is the last: nothing unblocks the PIN then")
        .action(async (name: string | undefined, options: UnblockPinOptions) => {
            const { chooseToken } = await import("../choose-token.ts")
            const { unblockPin } = await import("../new-pin.ts")
            const daemon = await cli.daemon("admin")
            await unblockPin(cli, daemon, await chooseToken(daemon, name), options)
        })
    return withExamples(withNewPin(command), ["trustkey token unblock-pin root-token"])
}
