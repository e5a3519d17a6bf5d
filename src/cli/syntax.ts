import { Command, CommanderError, Help, InvalidArgumentError, Option } from "commander"
import { inFrontEnd } from "./command-names.ts"
import type { Cli } from "./context.ts"
import { DockerHelp } from "./docker-help.ts"
import { usageRefusal } from "./front-end.ts"

export { repeated } from "./repeated.ts"

const EXAMPLES = new WeakMap<Command, readonly string[]>()
const PASSING_THROUGH = new WeakSet<Command>()

/** A command of ours: errors are thrown, text goes to the terminal we were handed, help begins with examples, or is laid out as docker's. */
export function newCommand(cli: Cli, name: string, description: string): Command {
    const { terminal, frontEnd } = cli.context
    const command = new TrustkeyCommand(name, cli)
        .description(description)
        .exitOverride()
        .showSuggestionAfterError(frontEnd === "trustkey")
        .configureOutput({
            writeOut: (text) => terminal.stdout.write(text),
            writeErr: (text) => terminal.stderr.write(text),
            getOutHelpWidth: () => 100,
            getErrHelpWidth: () => 100,
        })
    // docker has its own: docker help trustkey.
    return frontEnd === "trustkey" ? command : command.helpCommand(false)
}

/** As typed under `trustkey`; docker's front ends show them with their own names. */
export function withExamples(command: Command, examples: readonly string[]): Command {
    EXAMPLES.set(command, examples)
    return command
}

/**
 * A command whose arguments are for a program behind it: all that stands after its name reaches `action` as it was written, in order,
 * `--` and flags of ours included; only `--help` as the first is ours. For push, pull, create, run and build, which wrap docker's own:
 *
 *     passThroughCommand(cli, "pull", "Pull an image, if its tag is signed.", (args) => pull(cli, args))
 *
 * The action takes its own flags out and throws `usage` for what it can't use. `--socket` and the other global options stand before the
 * command's name here. `operands`, as commander writes them, are for the usage line; they are not counted.
 */
export function passThroughCommand(
    cli: Cli,
    name: string,
    description: string,
    action: (args: readonly string[], command: Command) => Promise<void>,
    operands: readonly string[] = ["[args...]"],
): Command {
    const command = newCommand(cli, name, description).allowExcessArguments()
    for (const operand of operands) command.argument(operand)
    command.action(() => (command.args[0] === "--help" ? command.help() : action(command.args, command)))
    PASSING_THROUGH.add(command)
    return command
}

export function isPassThrough(command: Command): boolean {
    return PASSING_THROUGH.has(command)
}

/** `argv`, with a `--` behind the name of a command that passes its arguments through: commander takes nothing out of what follows. */
export function markPassedArguments(program: Command, argv: readonly string[]): readonly string[] {
    let command = program
    const options = [...program.options]
    for (let at = 0; at < argv.length; at += 1) {
        const word = argv[at] ?? ""
        if (word === "--") return argv
        if (word.startsWith("-")) {
            const option = options.find(({ short, long }) => short === word || long === word)
            if (option?.required === true) at += 1
            continue
        }
        const next = command.commands.find((child) => child.name() === word)
        if (next === undefined) return argv
        if (isPassThrough(next)) return [...argv.slice(0, at + 1), "--", ...argv.slice(at + 1)]
        options.push(...next.options)
        command = next
    }
    return argv
}

class TrustkeyCommand extends Command {
    readonly #cli: Cli

    constructor(name: string, cli: Cli) {
        super(name)
        this.#cli = cli
    }

    override createHelp(): Help {
        const { frontEnd } = this.#cli.context
        if (frontEnd === "trustkey") return new ExamplesFirst()
        // docker trust's help has none.
        const examples = frontEnd === "docker trust" ? [] : (EXAMPLES.get(this) ?? [])
        return new DockerHelp(examples.map((line) => inFrontEnd(frontEnd, line)))
    }

    /** pflag lets a flag without a value be given one: --yes=true. */
    override parseOptions(argv: string[]): { operands: string[]; unknown: string[] } {
        return super.parseOptions(this.#cli.context.frontEnd === "trustkey" ? argv : this.#withoutBooleans(argv))
    }

    override error(message: string, options?: { code?: string; exitCode?: number }): never {
        const code = options?.code ?? "commander.error"
        const { text, exitCode } = usageRefusal(this.#cli.context.frontEnd, this, code, message)
        this.#cli.context.terminal.stderr.write(text)
        throw new CommanderError(exitCode, code, message)
    }

    #withoutBooleans(argv: readonly string[]): string[] {
        const end = argv.indexOf("--")
        const [before, rest] = end === -1 ? [argv, []] : [argv.slice(0, end), argv.slice(end)]
        const read = before.flatMap((word) => {
            const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? []
            const option = this.options.find((known) => known.long === flag)
            if (flag === undefined || option === undefined || !option.isBoolean()) return [word]
            // strconv.ParseBool
            if (/^(1|t|T|true|TRUE|True)$/.test(value ?? "")) return [flag]
            if (/^(0|f|F|false|FALSE|False)$/.test(value ?? "")) return []
            return this.error(`option '${flag}' argument '${value}' is invalid. it is true or false`, { code: "commander.invalidArgument" })
        })
        return [...read, ...rest]
    }
}

class ExamplesFirst extends Help {
    override showGlobalOptions = true
    override sortSubcommands = false

    override formatHelp(command: Command, helper: Help): string {
        const description = super.commandDescription(command)
        const examples = EXAMPLES.get(command) ?? []
        const first = examples.length === 0 ? "" : `Examples:\n${examples.map((line) => `  ${line}`).join("\n")}\n\n`
        return `${description}\n\n${first}${super.formatHelp(command, helper)}`
    }

    // Already said, above the examples.
    override commandDescription(): string {
        return ""
    }
}

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
    return (text) => {
        const value = Number(text)
        if (!/^\d{1,15}$/.test(text) || value < least) throw new InvalidArgumentError(`a whole number of at least ${least} is needed.`)
        return value
    }
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** "90s", "15m", "8h", "1d" in seconds. */
export function duration(text: string): number {
    const match = /^(\d{1,9})([smhd])$/.exec(text)
    const unit = match?.[2]
    if (match?.[1] === undefined || (unit !== "s" && unit !== "m" && unit !== "h" && unit !== "d")) {
        throw new InvalidArgumentError("a duration looks like 90s, 15m, 8h or 1d.")
    }
    return Number(match[1]) * SECONDS[unit]
}

/** A duration in days, which may be a part of one. */
export function days(text: string): number {
    return duration(text) / SECONDS.d
}

export function jsonOption(): Option {
    return new Option("--json", "print one JSON document instead of text")
}

export type PassphraseOptions = { passphraseFd?: number; passphraseFile?: string }

/** The ways to give a passphrase without a terminal. */
export function withPassphrase(command: Command): Command {
    return command
        .addOption(new Option("--passphrase-fd <n>", "read the passphrase from this open file descriptor").argParser(wholeNumber(0)))
        .addOption(new Option("--passphrase-file <file>", "read the passphrase from a file only you can read").conflicts("passphraseFd"))
}

export function pinentryOption(): Option {
    return new Option("--pinentry [program]", "ask for it in a window, or where this pinentry asks; without a name pinentry's own choice")
}

export type PinOptions = { pinFd?: number; pinFile?: string; pinentry?: string | true }

/** The ways to give a token's PIN without a terminal. */
export function withPin(command: Command): Command {
    return command
        .addOption(new Option("--pin-fd <n>", "read the token's PIN from this open file descriptor").argParser(wholeNumber(0)))
        .addOption(new Option("--pin-file <file>", "read the token's PIN from a file only you can read").conflicts("pinFd"))
        .addOption(pinentryOption().conflicts(["pinFd", "pinFile"]))
}

export type ManagementKeyFlags = { managementKeyFd?: number; managementKeyFile?: string; defaultManagementKey?: boolean }

/** The ways to give a YubiKey's management key: never as an argument. */
export function withManagementKey(command: Command): Command {
    return command
        .addOption(
            new Option(
                "--management-key-fd <n>",
                "read a YubiKey's management key, in hexadecimal digits, from this open file descriptor",
            ).argParser(wholeNumber(0)),
        )
        .addOption(
            new Option("--management-key-file <file>", "read a YubiKey's management key from a file only you can read").conflicts(
                "managementKeyFd",
            ),
        )
        .addOption(
            new Option("--default-management-key", "a YubiKey's management key is still the one every card is sold with").conflicts([
                "managementKeyFd",
                "managementKeyFile",
            ]),
        )
}

export type CardFlags = ManagementKeyFlags & { slot?: string; pinPolicy?: string; touchPolicy?: string }

/** How a new key lies in a YubiKey. */
export function withCard(command: Command): Command {
    const placed = command
        .addOption(new Option("--slot <slot>", "on a YubiKey: 9a, 9c, 9d, 9e or 82 to 95 (default: 9c)"))
        .addOption(
            new Option("--pin-policy <policy>", "on a YubiKey: how often it asks for the PIN (default: always)").choices([
                "never",
                "once",
                "always",
            ]),
        )
        .addOption(
            new Option("--touch-policy <policy>", "on a YubiKey: how often it wants to be touched (default: always)").choices([
                "never",
                "cached",
                "always",
            ]),
        )
        .option("--accept-pin-once", "a root key although its slot does not ask for the PIN each time")
    return withManagementKey(withPin(placed))
}
