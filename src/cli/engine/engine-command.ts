import type { Command } from "commander"
import type { Cli } from "../context.ts"
import { passThroughCommand, withExamples } from "../syntax.ts"
import { type Arguments, FlagMistake, type FlagTable, lastValue, parseArguments } from "./flags.ts"

export type EngineCommand = {
    readonly name: string
    readonly description: string
    readonly examples: readonly string[]
    /** For the usage line, as commander writes them: `<image>`, `[args...]`. */
    readonly operands: readonly string[]
    readonly flags: FlagTable
    readonly run: (args: Arguments) => Promise<void>
}

/** A command that wraps one of docker's: docker's flags, docker's words for mistakes in them. */
export function engineCommand(cli: Cli, what: EngineCommand): Command {
    const action = async (args: readonly string[], command: Command): Promise<void> => {
        try {
            const parsed = parseArguments(what.flags, args)
            if (lastValue(parsed.flags, "help") !== undefined) command.help()
            checkCount(what.operands, parsed.operands)
            await what.run(parsed)
        } catch (error) {
            if (error instanceof FlagMistake) throw complain(command, error)
            throw error
        }
    }
    return withExamples(passThroughCommand(cli, what.name, what.description, action, what.operands), what.examples)
}

function checkCount(wanted: readonly string[], operands: readonly string[]): void {
    const least = wanted.filter((operand) => operand.startsWith("<")).length
    const isOpen = wanted.some((operand) => operand.includes("..."))
    if (operands.length < least) throw new FlagMistake("missing-operand", "", "an argument is missing")
    if (!isOpen && operands.length > wanted.length) throw new FlagMistake("excess-operand", "", "there are too many arguments")
}

/** In commander's form: each of our names turns it into its own words. */
function complain(command: Command, { mistake, flag, message }: FlagMistake): never {
    switch (mistake) {
        case "unknown-flag":
            return command.error(`error: unknown option '${flag}'`, { code: "commander.unknownOption" })
        case "missing-value":
            return command.error(`error: option '${flag}' argument missing`, { code: "commander.optionMissingArgument" })
        case "bad-value":
            return command.error(`error: ${message}`, { code: "commander.invalidArgument" })
        case "missing-operand":
            return command.error(`error: ${message}`, { code: "commander.missingArgument" })
        case "excess-operand":
            return command.error(`error: ${message}`, { code: "commander.excessArguments" })
    }
}
