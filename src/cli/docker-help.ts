import { type Argument, type Command, Help, type Option } from "commander"
import { repeated } from "./repeated.ts"

type DockerForm = { readonly usage?: string; readonly description: string }

/** docker's own words (28.2) for commands it has too: what follows the name in the usage line, and what the command is for. */
const DOCKER_FORMS: Readonly<Record<string, DockerForm>> = {
    inspect: { usage: "IMAGE[:TAG] [IMAGE[:TAG]...]", description: "Return low-level information about keys and signatures" },
    revoke: { usage: "[OPTIONS] IMAGE[:TAG]", description: "Remove trust for an image" },
    sign: { usage: "IMAGE:TAG", description: "Sign an image" },
    key: { description: "Manage keys for signing Docker images" },
    "key generate": { usage: "NAME", description: "Generate and load a signing key-pair" },
    "key load": { usage: "[OPTIONS] KEYFILE", description: "Load a private key file for signing" },
    signer: { description: "Manage entities who can sign Docker images" },
    // The space at its end is docker's.
    "signer add": { usage: "OPTIONS NAME REPOSITORY [REPOSITORY...] ", description: "Add a signer" },
    "signer remove": { usage: "[OPTIONS] NAME REPOSITORY [REPOSITORY...]", description: "Remove a signer" },
    push: { usage: "[OPTIONS] NAME[:TAG]", description: "Upload an image to a registry" },
    pull: { usage: "[OPTIONS] NAME[:TAG|@DIGEST]", description: "Download an image from a registry" },
    create: { usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]", description: "Create a new container" },
    run: { usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]", description: "Create and run a new container from an image" },
    build: { usage: "[OPTIONS] PATH | URL | -", description: "Build an image from a Dockerfile" },
}

function formOf(command: Command): DockerForm | undefined {
    const words = wordsOf(command).slice(1).join(" ")
    return Object.hasOwn(DOCKER_FORMS, words) ? DOCKER_FORMS[words] : undefined
}

/** The help of docker's commands, as its templates and pflag lay it out (28.x), on a terminal of 80 columns. */
export class DockerHelp extends Help {
    readonly #examples: readonly string[]

    constructor(examples: readonly string[]) {
        super()
        this.#examples = examples
    }

    override formatHelp(command: Command): string {
        const commands = this.visibleCommands(command)
        const [groups, leaves] = [commands.filter(isGroup), commands.filter((child) => !isGroup(child))]
        const usage = commands.length === 0 ? dockerUsage(command) : `${dockerUsage(command)} COMMAND`
        const options = command.options.filter(({ hidden }) => !hidden)
        const blocks = [
            `Usage:  ${usage}\n`,
            `${describe(command)}\n`,
            block(
                "Examples:",
                this.#examples.map((line) => `  ${line}`),
            ),
            block("Options:", optionLines(options)),
            block("Management Commands:", commandLines(groups, commands)),
            block("Commands:", commandLines(leaves, commands)),
            commands.length === 0 ? "" : `Run '${pathOf(command)} COMMAND --help' for more information on a command.\n`,
        ]
        return blocks.filter((text) => text !== "").join("\n")
    }
}

/** The usage line: docker's own where the command names one, otherwise from what the command takes. */
export function dockerUsage(command: Command): string {
    const form = formOf(command)
    if (form?.usage !== undefined) return `${pathOf(command)} ${form.usage}`
    const options = command.options.some(({ hidden }) => !hidden) ? ["[OPTIONS]"] : []
    return [pathOf(command), ...options, ...command.registeredArguments.map(argumentText)].join(" ")
}

function argumentText(argument: Argument): string {
    const name = argument.name().toUpperCase()
    if (!argument.variadic) return argument.required ? name : `[${name}]`
    return argument.required ? `${name} [${name}...]` : `[${name}...]`
}

function isGroup(command: Command): boolean {
    return command.commands.length > 0
}

/** One sentence of docker's has no full stop at its end; several have theirs. */
export function describe(command: Command): string {
    const given = formOf(command)?.description ?? command.description()
    return /^[^.]*\.$/.test(given) ? given.slice(0, -1) : given
}

function block(title: string, lines: readonly string[]): string {
    return lines.length === 0 ? "" : `${title}\n${lines.join("\n")}\n`
}

const LEAST_NAME_WIDTH = 11

function commandLines(shown: readonly Command[], all: readonly Command[]): string[] {
    const width = Math.max(LEAST_NAME_WIDTH, ...all.map((command) => command.name().length))
    return shown.map((command) => `  ${command.name().padEnd(width + 1)}${describe(command)}`).sort()
}

function optionLines(options: readonly Option[]): string[] {
    const sorted = options.toSorted((a, b) => (a.name() < b.name() ? -1 : 1))
    const heads = sorted.map((option) => {
        const short = option.short === undefined ? "      " : `  ${option.short}, `
        return `${short}${option.long ?? ""}${valueKind(option)}`
    })
    const column = Math.max(0, ...heads.map((head) => head.length)) + 3
    return sorted.map((option, index) => `${(heads[index] ?? "").padEnd(column)}${wrap(optionText(option), column)}`)
}

/** pflag names what a flag takes, not what it means. */
function valueKind(option: Option): string {
    if (!option.required && !option.optional) return ""
    return option.variadic || option.parseArg === repeated ? " list" : " string"
}

function optionText(option: Option): string {
    const text = option.description
    const capital = text.charAt(0).toUpperCase() + text.slice(1)
    const choices = option.argChoices === undefined ? "" : ` ("${option.argChoices.join('", "')}")`
    const fallback = typeof option.defaultValue === "string" ? ` (default "${option.defaultValue}")` : ""
    return `${capital}${choices}${fallback}`
}

const WIDTH = 79
/** pflag lets the last line run over by so much, rather than leave a short word alone. */
const SLOP = 5
const LEAST_WRAP = 24

/** pflag's wrapping, FlagUsagesWrapped(79): lines after the first begin at `column`. */
function wrap(text: string, column: number): string {
    const tooNarrow = WIDTH - column < LEAST_WRAP
    const indent = tooNarrow ? 16 : column
    const width = WIDTH - indent - SLOP
    const lines: string[] = []
    let rest = text
    while (width + SLOP <= rest.length) {
        const at = rest.slice(0, width).lastIndexOf(" ")
        if (at <= 0) break
        lines.push(rest.slice(0, at))
        rest = rest.slice(at + 1)
    }
    const between = `\n${" ".repeat(indent)}`
    return `${tooNarrow ? between : ""}${[...lines, rest].join(between)}`
}

/** The words that lead to a command, the program's name first. */
export function pathOf(command: Command): string {
    return wordsOf(command).join(" ")
}

function wordsOf(command: Command): readonly string[] {
    return command.parent === null ? [command.name()] : [...wordsOf(command.parent), command.name()]
}
