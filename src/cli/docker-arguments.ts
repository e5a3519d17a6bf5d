/** What a plugin's arguments say before its own begin. */
export type DockerArguments = {
    /** docker's own flags, as they were written. */
    readonly globalFlags: readonly string[]
    /** The value of `--config`. */
    readonly configDirectory: string | undefined
    /** What is left for us. */
    readonly argv: readonly string[]
}

type Flag = { readonly long: string; readonly short?: string; readonly takesValue: boolean }

/** docker's global flags (28.x and 20.10 have the same). `--version` never gets here: docker answers it. */
const GLOBAL_FLAGS: readonly Flag[] = [
    { long: "config", takesValue: true },
    { long: "context", short: "c", takesValue: true },
    { long: "debug", short: "D", takesValue: false },
    { long: "host", short: "H", takesValue: true },
    { long: "log-level", short: "l", takesValue: true },
    { long: "tls", takesValue: false },
    { long: "tlscacert", takesValue: true },
    { long: "tlscert", takesValue: true },
    { long: "tlskey", takesValue: true },
    { long: "tlsverify", takesValue: false },
]

/** cobra's name for "what could stand here": docker asks its plugins so, and our own scripts the same. */
export const COMPLETION_REQUEST = "__complete"

/**
 * docker runs a plugin with all of its own arguments: `[global flags] NAME ARGUMENTS`, `help NAME ARGUMENTS`, `--help NAME`, and
 * `__complete NAME ARGUMENTS`. Started by hand, NAME may be missing.
 */
export function readDockerArguments(name: string, args: readonly string[]): DockerArguments {
    const globalFlags: string[] = []
    let configDirectory: string | undefined
    let help = false
    let at = 0
    for (; at < args.length; at += 1) {
        const word = args[at] ?? ""
        if (word === "--help") {
            help = true
            continue
        }
        const read = readFlag(word)
        if (read === undefined) break
        const value = read.wantsNext ? args[at + 1] : read.value
        // Not ours to judge: what follows finds nothing it knows, and says so.
        if (read.wantsNext && value === undefined) break
        if (read.flag.long === "config") configDirectory = value
        globalFlags.push(...args.slice(at, at + (read.wantsNext ? 2 : 1)))
        if (read.wantsNext) at += 1
    }
    const rest = args.slice(at)
    return { globalFlags, configDirectory, argv: withHelp(withoutName(name, rest), help) }
}

function withoutName(name: string, rest: readonly string[]): readonly string[] {
    const [first = "", second] = rest
    if (first === name) return rest.slice(1)
    if (second !== name) return rest
    if (first === COMPLETION_REQUEST) return [first, ...rest.slice(2)]
    return first === "help" ? withHelp(rest.slice(2), true) : rest
}

const GROUPS: readonly string[] = ["key", "signer"]

/** Behind the command's own words: what follows an image is the container's, and nobody who asks for help wants one. */
function withHelp(argv: readonly string[], help: boolean): readonly string[] {
    if (!help) return argv
    return [...argv.slice(0, GROUPS.includes(argv[0] ?? "") ? 2 : 1), "--help"]
}

type Read = { readonly flag: Flag; readonly value: string | undefined; readonly wantsNext: boolean }

/** One word, as pflag reads it: `--long`, `--long=value`, `-s`, `-svalue`, `-s=value`, `-Ds`. Undefined: none of docker's flags. */
function readFlag(word: string): Read | undefined {
    const [, long, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    if (long !== undefined) {
        const flag = GLOBAL_FLAGS.find((known) => known.long === long)
        return flag && { flag, value, wantsNext: flag.takesValue && value === undefined }
    }
    if (!/^-[^-]/.test(word)) return undefined
    for (let at = 1; at < word.length; at += 1) {
        const flag = GLOBAL_FLAGS.find((known) => known.short === word[at])
        const rest = word.slice(at + 1)
        if (flag === undefined) return undefined
        if (flag.takesValue) return { flag, value: rest.replace(/^=/, ""), wantsNext: rest === "" }
        if (rest === "" || rest.startsWith("=")) return { flag, value: undefined, wantsNext: false }
    }
    return undefined
}
