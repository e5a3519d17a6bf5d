/** What a docker command takes before its operands: what isn't in here is refused, for a guess at whether it takes a value may be wrong. */
export type FlagTable = {
    /** Flags that may stand alone. A value, if any, follows an equals sign. */
    readonly switches: readonly string[]
    /** Flags that take the next argument if no value is attached. */
    readonly values: readonly string[]
    /** One-letter names. */
    readonly short: Readonly<Record<string, string>>
    /** Other names of flags. */
    readonly aliases?: Readonly<Record<string, string>>
    /** Whether flags may stand behind the first operand too. */
    readonly interspersed: boolean
}

/** `written`: the arguments that carry it, as they were; none for those after the first of a cluster like -it. */
export type Flag = { readonly name: string; readonly value: string; readonly written: readonly string[] }
export type Arguments = { readonly flags: readonly Flag[]; readonly operands: readonly string[] }

type Mistake = "unknown-flag" | "missing-value" | "bad-value" | "missing-operand" | "excess-operand"

/** A command line docker would refuse too. */
export class FlagMistake extends Error {
    override readonly name = "FlagMistake"
    readonly mistake: Mistake
    /** The flag as docker names it: `--x`, `-x`, `'x' in -x`. */
    readonly flag: string

    constructor(mistake: Mistake, flag: string, message: string) {
        super(message)
        this.mistake = mistake
        this.flag = flag
    }
}

/**
 * Arguments as docker's own parser (spf13/pflag) divides them. Nothing is changed: flags and operands together are what was written, but for
 * a `--` between them.
 *
 * @throws FlagMistake
 */
export function parseArguments(table: FlagTable, args: readonly string[]): Arguments {
    const flags: Flag[] = []
    const operands: string[] = []
    for (let at = 0; at < args.length; at += 1) {
        const word = args[at] ?? ""
        if (word === "--") {
            operands.push(...args.slice(at + 1))
            break
        }
        if (!word.startsWith("-") || word === "-") {
            if (!table.interspersed) {
                operands.push(...args.slice(at))
                break
            }
            operands.push(word)
            continue
        }
        const found = word.startsWith("--") ? long(table, word, args[at + 1]) : cluster(table, word, args[at + 1])
        flags.push(...found.flags)
        if (found.tookNext) at += 1
    }
    return { flags, operands }
}

type Found = { readonly flags: readonly Flag[]; readonly tookNext: boolean }

function long(table: FlagTable, word: string, next: string | undefined): Found {
    const equals = word.indexOf("=")
    const written = equals === -1 ? word.slice(2) : word.slice(2, equals)
    const name = table.aliases?.[written] ?? written
    const isSwitch = table.switches.includes(name)
    if (!isSwitch && !table.values.includes(name)) throw new FlagMistake("unknown-flag", `--${written}`, `unknown flag: --${written}`)
    if (equals !== -1) return { flags: [{ name, value: word.slice(equals + 1), written: [word] }], tookNext: false }
    if (isSwitch) return { flags: [{ name, value: "true", written: [word] }], tookNext: false }
    if (next === undefined) throw new FlagMistake("missing-value", `--${written}`, `flag needs an argument: --${written}`)
    return { flags: [{ name, value: next, written: [word, next] }], tookNext: true }
}

/** `-itd`, `-eNAME=x`, `-e=NAME=x`, `-p 80:80`. */
function cluster(table: FlagTable, word: string, next: string | undefined): Found {
    const flags: Flag[] = []
    for (let letters = word.slice(1); letters !== ""; ) {
        const letter = [...letters][0] ?? ""
        const rest = letters.slice(letter.length)
        const name = table.short[letter]
        if (name === undefined) throw new FlagMistake("unknown-flag", `-${letters}`, `unknown shorthand flag: '${letter}' in -${letters}`)
        const written = flags.length === 0 ? [word] : []
        const isSwitch = table.switches.includes(name)
        if (rest.length > 1 && rest.startsWith("=")) {
            flags.push({ name, value: rest.slice(1), written })
            break
        }
        if (isSwitch) {
            flags.push({ name, value: "true", written })
            letters = rest
            continue
        }
        if (rest !== "") {
            flags.push({ name, value: rest, written })
            break
        }
        if (next === undefined)
            throw new FlagMistake("missing-value", `'${letter}' in -${letters}`, `flag needs an argument: '${letter}' in -${letters}`)
        // The value belongs to the word the cluster stands in.
        flags.push({ name, value: next, written })
        return { flags: flags.map((flag, index) => (index === 0 ? { ...flag, written: [word, next] } : flag)), tookNext: true }
    }
    return { flags, tookNext: false }
}

/** The last value counts, as in docker. */
export function lastValue(flags: readonly Flag[], name: string): string | undefined {
    return flags.findLast((flag) => flag.name === name)?.value
}

export function allValues(flags: readonly Flag[], name: string): readonly string[] {
    return flags.filter((flag) => flag.name === name).map(({ value }) => value)
}

/** A switch's value as Go's strconv.ParseBool reads it. Undefined: it isn't there. @throws FlagMistake */
export function switchValue(flags: readonly Flag[], name: string): boolean | undefined {
    const text = lastValue(flags, name)
    if (text === undefined) return undefined
    const value = parseBool(text)
    if (value !== undefined) return value
    const why = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`
    throw new FlagMistake("bad-value", `--${name}`, `invalid argument ${JSON.stringify(text)} for "--${name}" flag: ${why}`)
}

export function parseBool(text: string): boolean | undefined {
    if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true
    return ["0", "f", "F", "FALSE", "false", "False"].includes(text) ? false : undefined
}

/** The flags as they were written, without those named. */
export function writtenWithout(flags: readonly Flag[], names: readonly string[]): readonly string[] {
    return flags.filter(({ name }) => !names.includes(name)).flatMap(({ written }) => written)
}
