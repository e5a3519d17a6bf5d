import type { Command, Option } from "commander"
import type { Cli } from "../context.ts"
import { describe } from "../docker-help.ts"
import { printable } from "../output.ts"
import { isPassThrough } from "../syntax.ts"

/** What could stand there, as cobra and docker read it: `word<TAB>help` lines, then what the shell may add of its own. */
export type Completion = { readonly candidates: readonly Candidate[]; readonly directive: Directive }
export type Candidate = { readonly word: string; readonly help: string }

/** cobra's ShellCompDirective: files as well, nothing else, directories only. */
type Directive = 0 | 4 | 16

const FILES = 0
const NOTHING_ELSE = 4
const DIRECTORIES = 16

/** Print what could stand where the last of `words` does. */
export async function printCompletion(cli: Cli, program: Command, words: readonly string[]): Promise<void> {
    const { candidates, directive } = await complete(cli, program, words)
    for (const { word, help } of candidates) cli.output.line(help === "" ? word : `${word}\t${printable(help)}`)
    cli.output.line(`:${directive}`)
}

/** From the commands themselves, and for images from what docker's trust cache has: no server, no daemon and nobody is asked. */
export async function complete(cli: Cli, program: Command, words: readonly string[]): Promise<Completion> {
    const toComplete = words.at(-1) ?? ""
    const { command, options, given, value, onlyArguments } = readWords(program, words.slice(0, -1))
    if (value !== undefined) return fitting(valueCandidates(value), toComplete, directiveFor(value.flags))
    if (onlyArguments) return completeArgument(cli, command, given, toComplete)
    const [, flag, begun] = /^(--[^=]+)=(.*)$/s.exec(toComplete) ?? []
    const assigned = options.find(({ long }) => long === flag)
    if (assigned !== undefined && begun !== undefined) {
        const candidates = valueCandidates(assigned).map(({ word, help }) => ({ word: `${flag}=${word}`, help }))
        return fitting(candidates, toComplete, directiveFor(assigned.flags))
    }
    if (toComplete.startsWith("-")) return fitting(options.flatMap(optionCandidates), toComplete, NOTHING_ELSE)
    if (command.commands.length > 0) {
        const named = given.length > 0 ? [] : command.commands.map((child) => ({ word: child.name(), help: describe(child) }))
        return fitting(named, toComplete, NOTHING_ELSE)
    }
    return completeArgument(cli, command, given, toComplete)
}

async function completeArgument(cli: Cli, command: Command, given: readonly string[], toComplete: string): Promise<Completion> {
    const wanted = command.registeredArguments
    const argument = wanted[Math.min(given.length, wanted.length - 1)]
    if (argument === undefined || (given.length >= wanted.length && !argument.variadic)) return fitting([], toComplete, NOTHING_ELSE)
    // What wraps one of docker's commands takes an image somewhere; the rest is docker's.
    if (isPassThrough(command) || /^(image|repo)/i.test(argument.name())) {
        const { cachedImages } = await import("./cached-images.ts")
        return fitting(await cachedImages(cli, toComplete), toComplete, isPassThrough(command) ? FILES : NOTHING_ELSE)
    }
    // A new signer's name is anybody's guess.
    if (command.parent?.name() === "signer" && command.name() === "remove") {
        const { cachedSigners } = await import("./cached-images.ts")
        return fitting(await cachedSigners(cli), toComplete, NOTHING_ELSE)
    }
    if (command.parent?.name() === "rotate" && argument.name() === "role") {
        const { cachedSigners } = await import("./cached-images.ts")
        return fitting(await cachedSigners(cli), toComplete, NOTHING_ELSE)
    }
    return fitting(choices(argument), toComplete, directiveForArgument(argument.name()))
}

type Position = {
    readonly command: Command
    /** Those that may stand here, the ones of the commands above included. */
    readonly options: readonly Option[]
    /** Arguments of the command so far. */
    readonly given: readonly string[]
    /** The option whose value comes next. */
    readonly value: Option | undefined
    readonly onlyArguments: boolean
}

function readWords(program: Command, words: readonly string[]): Position {
    let command = program
    const options = [...program.options]
    const given: string[] = []
    let value: Option | undefined
    let onlyArguments = false
    for (const word of words) {
        if (value !== undefined) value = undefined
        else if (onlyArguments || isPassThrough(command)) given.push(word)
        else if (word === "--") onlyArguments = true
        else if (word.startsWith("-")) value = options.find(({ long, short, required }) => required && (long === word || short === word))
        else {
            const next = given.length > 0 ? undefined : command.commands.find((child) => child.name() === word)
            if (next === undefined) given.push(word)
            else {
                command = next
                options.push(...next.options)
            }
        }
    }
    return { command, options, given, value, onlyArguments: onlyArguments || isPassThrough(command) }
}

function optionCandidates({ long, hidden, description }: Option): readonly Candidate[] {
    return long == null || hidden ? [] : [{ word: long, help: description }]
}

function valueCandidates(option: Option): readonly Candidate[] {
    return choices(option)
}

function choices({ argChoices }: { readonly argChoices?: readonly string[] | undefined }): readonly Candidate[] {
    return (argChoices ?? []).map((word) => ({ word, help: "" }))
}

/** A ceremony's bundle is a directory, and its plan a file. */
function directiveForArgument(name: string): Directive {
    if (name === "bundle") return DIRECTORIES
    return name === "plan" ? FILES : directiveFor(name)
}

/** What an option or argument is called says what it takes. */
function directiveFor(name: string): Directive {
    if (/<dir(ectory)?>/.test(name)) return DIRECTORIES
    return /file|path/.test(name) ? FILES : NOTHING_ELSE
}

function fitting(candidates: readonly Candidate[], toComplete: string, directive: Directive): Completion {
    return { candidates: candidates.filter(({ word }) => word.startsWith(toComplete)), directive }
}
