import { Command, Help, InvalidArgumentError, Option } from "commander"
import { adviceFor } from "./advice.ts"
import type { Cli } from "./context.ts"
import { printable } from "./output.ts"

const EXAMPLES = new WeakMap<Command, readonly string[]>()

/** A command of ours: errors are thrown, text goes to the terminal we were handed, help begins with examples. */
export function newCommand(cli: Cli, name: string, description: string): Command {
    const { terminal } = cli.context
    return new TrustkeyCommand(name)
        .description(description)
        .exitOverride()
        .showSuggestionAfterError()
        .configureOutput({
            writeOut: (text) => terminal.stdout.write(text),
            writeErr: (text) => terminal.stderr.write(text),
            getOutHelpWidth: () => 100,
            getErrHelpWidth: () => 100,
            outputError: (text, write) => {
                const message = text
                    .replace(/^error: /, "")
                    .trim()
                    .replaceAll("\n", " ")
                write(`trustkey: ${printable(message)} [usage]\n  ${adviceFor("usage")}\n`)
            },
        })
}

export function withExamples(command: Command, examples: readonly string[]): Command {
    EXAMPLES.set(command, examples)
    return command
}

class TrustkeyCommand extends Command {
    override createHelp(): Help {
        return new ExamplesFirst()
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

/** Gather a repeatable option. */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
    return [...(before ?? []), text]
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

export type PinOptions = { pinFd?: number; pinFile?: string }

/** The ways to give a token's PIN without a terminal. */
export function withPin(command: Command): Command {
    return command
        .addOption(new Option("--pin-fd <n>", "read the token's PIN from this open file descriptor").argParser(wholeNumber(0)))
        .addOption(new Option("--pin-file <file>", "read the token's PIN from a file only you can read").conflicts("pinFd"))
}
