import type { Command } from "commander"
import type { ErrorCode, TrustkeyError } from "../errors.ts"
import { adviceFor } from "./advice.ts"
import { inFrontEnd } from "./command-names.ts"
import type { FrontEnd } from "./context.ts"
import { dockerUsage, pathOf } from "./docker-help.ts"
import { exitCodeOf } from "./exit-code.ts"
import { printable, printableLines } from "./output.ts"

/** What is said on stderr, and how we end. */
export type Refusal = { readonly text: string; readonly exitCode: number }

/** docker's: whatever went wrong, and the one it keeps for flags it doesn't know or can't read. */
const DOCKER_FAILED = 1
const DOCKER_BAD_FLAG = 125

/** A command that failed. Under docker's names the message stands alone, as docker prints it, and what we add follows it. */
export function errorRefusal(frontEnd: FrontEnd, error: TrustkeyError): Refusal {
    const lines = inFrontEnd(frontEnd, error.message).split("\n").map(printable)
    const advice = adviceUnder(frontEnd, error.code)
    if (frontEnd === "trustkey")
        return { text: `trustkey: ${lines.join("\n  ")} [${error.code}]\n  ${advice}\n`, exitCode: exitCodeOf(error.code) }
    return { text: `${lines.join("\n")}\n  ${advice} [${error.code}]\n`, exitCode: DOCKER_FAILED }
}

/** A fault of ours: with everything a report of it needs. */
export function faultRefusal(frontEnd: FrontEnd, error: unknown): Refusal {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const text = `${frontEnd}: an error we did not foresee [internal]\n  ${adviceFor("internal")}\n${printableLines(detail)}\n`
    return { text, exitCode: exitCodeOf("internal") }
}

/** `docker trustkey` alone prints its help and has done nothing wrong, as every group of docker's commands; ours wants a command. */
export function missingCommandExitCode(frontEnd: FrontEnd): number {
    return frontEnd === "trustkey" ? exitCodeOf("usage") : 0
}

/** A mistake on the command line. `code` and `message` are commander's. */
export function usageRefusal(frontEnd: FrontEnd, command: Command, code: string, message: string): Refusal {
    const plain = message.replace(/^error: /, "").trim()
    if (frontEnd === "trustkey") {
        const said = printable(plain.replaceAll("\n", " "))
        return { text: `trustkey: ${said} [usage]\n  ${adviceFor("usage")}\n`, exitCode: exitCodeOf("usage") }
    }
    switch (code) {
        case "commander.unknownCommand":
            return told(command, `docker: unknown command: ${pathOf(command)} ${command.args[0] ?? ""}`, DOCKER_FAILED)
        case "commander.missingArgument":
        case "commander.excessArguments":
            return argumentRefusal(command)
        case "commander.unknownOption":
            return told(command, unknownFlag(quotedIn(plain)), DOCKER_BAD_FLAG)
        case "commander.optionMissingArgument":
            return told(command, `flag needs an argument: ${longName(quotedIn(plain))}`, DOCKER_BAD_FLAG)
        case "commander.invalidArgument":
            return told(command, invalidArgument(plain), DOCKER_BAD_FLAG)
        default:
            return told(command, plain.replaceAll("\n", " "), DOCKER_FAILED)
    }
}

/** How many arguments a command takes, in the words of docker's cli.ExactArgs, RequiresMinArgs, NoArgs and their kind (28.x). */
function argumentRefusal(command: Command): Refusal {
    const least = command.registeredArguments.filter(({ required }) => required).length
    const most = command.registeredArguments.some(({ variadic }) => variadic) ? undefined : command.registeredArguments.length
    const wanted = argumentsWanted(least, most)
    // docker says "See" in this one case.
    return told(command, `docker: '${pathOf(command)}' ${wanted}`, DOCKER_FAILED, most === undefined ? "See" : "Run")
}

export function argumentsWanted(least: number, most: number | undefined): string {
    const counted = (count: number): string => `${count} argument${count === 1 ? "" : "s"}`
    if (most === undefined) return `requires at least ${counted(least)}`
    if (most === 0) return "accepts no arguments"
    if (least === most) return `requires ${counted(least)}`
    if (least === 0) return `requires at most ${counted(most)}`
    return `requires at least ${least} and at most ${counted(most)}`
}

function told(command: Command, message: string, exitCode: number, word: "Run" | "See" = "Run"): Refusal {
    const text = `${printable(message)}\n\nUsage:  ${dockerUsage(command)}\n\n${word} '${pathOf(command)} --help' for more information\n`
    return { text, exitCode }
}

function unknownFlag(flag: string): string {
    if (flag.startsWith("--")) return `unknown flag: ${flag.replace(/=.*/s, "")}`
    return `unknown shorthand flag: '${[...flag][1] ?? ""}' in ${flag}`
}

/** commander: option '--ttl <duration>' argument 'soon' is invalid. WHY */
function invalidArgument(message: string): string {
    const [, flags, value, why] = /^option '(.*?)' argument '(.*)' is invalid\. (.*)$/s.exec(message) ?? []
    if (flags === undefined || value === undefined || why === undefined) return message
    return `invalid argument "${value}" for "${longName(flags)}" flag: ${why}`
}

function quotedIn(message: string): string {
    return /'(.*)'/.exec(message)?.[1] ?? message
}

function longName(flags: string): string {
    return /--[^\s=,]+/.exec(flags)?.[0] ?? flags
}

/** What the trust group's commands are called here. `docker trust` has only some of them, so advice names ours. */
function adviceUnder(frontEnd: FrontEnd, code: ErrorCode): string {
    return inFrontEnd(frontEnd, adviceFor(code))
}
