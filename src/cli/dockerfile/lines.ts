import { TrustkeyError } from "../../errors.ts"

/** An instruction put together from the lines it is written on. `offsets[i]` is where `text[i]` stands in the file. */
export type LogicalLine = {
    readonly text: string
    readonly offsets: readonly number[]
    /** Of its first line, from 1. */
    readonly line: number
    /** Offset of the line after it, the bodies of its here-documents included. */
    readonly end: number
}

export type Directives = {
    /** What joins lines and takes the meaning from characters. */
    readonly escape: "\\" | "`"
    /** Images named in `# syntax=`: the first word of the value, where it stands. */
    readonly syntax: readonly Span[]
}

/** A piece of the file. */
export type Span = { readonly text: string; readonly start: number; readonly end: number; readonly line: number }

/** unicode.IsSpace, which is what Go trims; JavaScript's \s has another set. */
export const SPACE = "\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
const LEADING = new RegExp(`^[${SPACE}]*`)

export const INSTRUCTIONS: ReadonlySet<string> = new Set([
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
])

/** What any builder takes for one. Which characters are spaces differs from place to place and from version to version. */
const DIRECTIVE = new RegExp(`^[${SPACE}]*#[${SPACE}]*([a-zA-Z][a-zA-Z0-9]*)[${SPACE}]*=[${SPACE}]*(.+?)[${SPACE}]*$`, "ds")
const PLAIN_ESCAPE = /^[ \t]*#[ \t]*escape[ \t]*=[ \t]*`[ \t]*$/i

type PhysicalLine = { readonly text: string; readonly start: number; readonly number: number; readonly end: number }

export function refuse(line: number, why: string): TrustkeyError {
    return new TrustkeyError("invalid_request", `Dockerfile line ${line}: ${why}`)
}

/** @throws invalid_request: a carriage return within a line, which builders read differently */
export function physicalLines(text: string): readonly PhysicalLine[] {
    const lines: PhysicalLine[] = []
    // A byte order mark is not part of the first line.
    for (let start = text.startsWith("\ufeff") ? 1 : 0, number = 1; start < text.length; number += 1) {
        const newline = text.indexOf("\n", start)
        const end = newline === -1 ? text.length : newline + 1
        const content = text.slice(start, newline === -1 ? text.length : newline).replace(/\r$/, "")
        if (content.includes("\r")) throw refuse(number, "there is a carriage return in the middle of the line")
        lines.push({ text: content, start, number, end })
        start = end
    }
    return lines
}

/**
 * `# escape=` and `# syntax=` at the head of the file. Builders differ in what else may stand before them, so what only some would obey is
 * refused.
 *
 * @throws invalid_request
 */
export function readDirectives(lines: readonly PhysicalLine[]): Directives {
    const syntax: Span[] = []
    let escaping: Directives["escape"] | undefined
    let isPlain = true
    for (const { text, start, number } of lines) {
        // The frontend is looked for behind it, by newer builders; an escape directive is not.
        if (number === 1 && text.startsWith("#!")) {
            isPlain = false
            continue
        }
        const match = DIRECTIVE.exec(text)
        const value = match?.[2]
        if (match === null || value === undefined) break
        const key = match[1]?.toLowerCase()
        if (key === "syntax") {
            const at = start + (match.indices?.[2]?.[0] ?? 0)
            const [image = ""] = value.split(" ")
            syntax.push({ text: image, start: at, end: at + image.length, line: number })
        } else if (key === "escape") {
            if (value !== "\\" && value !== "`") throw refuse(number, "the escape directive is \\ or `")
            if (escaping !== undefined) throw refuse(number, "there is more than one escape directive")
            if (!isPlain && value !== "\\")
                throw refuse(number, "put the escape directive first: after other comments not every builder obeys it")
            if (value !== "\\" && !PLAIN_ESCAPE.test(text))
                throw refuse(number, "write the escape directive with plain spaces: not every builder knows others")
            escaping = value
        } else if (key !== "check") isPlain = false
    }
    return { escape: escaping ?? "\\", syntax }
}

/**
 * The instructions, as BuildKit's parser puts them together: comments and empty lines left out, continued lines joined, here-documents
 * taken off where `heredocs` says so.
 *
 * @throws invalid_request
 */
export function logicalLines(lines: readonly PhysicalLine[], escaping: Directives["escape"], heredocs: boolean): readonly LogicalLine[] {
    const found: LogicalLine[] = []
    for (let at = 0; at < lines.length; ) {
        const [line, next] = joinLines(lines, at, escaping)
        at = next
        if (line === undefined) continue
        const bodies = heredocs ? heredocsOf(line) : []
        for (const heredoc of bodies) {
            const end = lines.findIndex(
                ({ text }, index) => index >= at && (heredoc.chomp ? text.replace(/^\t+/, "") : text) === heredoc.name,
            )
            if (end === -1) throw refuse(line.line, `the here-document ${heredoc.name} has no end`)
            at = end + 1
        }
        found.push({ ...line, end: lines[at - 1]?.end ?? line.end })
    }
    return found
}

/** The instruction that begins at `at`, and where the next may begin. Undefined: nothing but a comment, or nothing. */
function joinLines(lines: readonly PhysicalLine[], at: number, escaping: string): [LogicalLine | undefined, number] {
    const first = lines[at]
    if (first === undefined) return [undefined, at + 1]
    const indent = LEADING.exec(first.text)?.[0].length ?? 0
    const head = first.text.slice(indent)
    if (head === "" || head.startsWith("#")) return [undefined, at + 1]
    let [text, continues] = withoutContinuation(head, escaping)
    const offsets = range(first.start + indent, text.length)
    let next = at + 1
    let end = first.end
    while (continues && next < lines.length) {
        const line = lines[next]
        next += 1
        if (line === undefined) break
        end = line.end
        const trimmed = line.text.replace(LEADING, "")
        if (trimmed === "" || trimmed.startsWith("#")) continue
        const [more, goesOn] = withoutContinuation(line.text, escaping)
        offsets.push(...range(line.start, more.length))
        text += more
        continues = goesOn
    }
    return [{ text, offsets, line: first.number, end }, next]
}

function range(start: number, length: number): number[] {
    return Array.from({ length }, (_, index) => start + index)
}

/** A line goes on behind an escape character at its end, unless that is escaped itself. */
function withoutContinuation(text: string, escaping: string): [string, boolean] {
    const trimmed = text.replace(/[ \t]*$/, "")
    if (!trimmed.endsWith(escaping) || trimmed.endsWith(escaping + escaping)) return [text, false]
    return [trimmed.slice(0, -1), true]
}

type Heredoc = { readonly name: string; readonly chomp: boolean }

const HEREDOC_WORD = /^\d*<<(-?)([^<]*)$/

/** @throws invalid_request: a name or quoting that not every builder reads alike */
function heredocsOf({ text, line }: LogicalLine): readonly Heredoc[] {
    const [keyword, rest] = splitKeyword(text)
    if (keyword === "ONBUILD") return heredocsOf({ text: rest, offsets: [], line, end: 0 })
    if (!["ADD", "COPY", "RUN"].includes(keyword) || !text.includes("<<")) return []
    if (isJsonArray(rest, line)) return []
    // What stands in a modifier is divided at its spaces, quotes or not, by builders that leave it as it is, and read otherwise by others.
    const modifier = /\$\{(?!\w+\})/.exec(rest)
    if (modifier !== null && rest.includes("<<", modifier.index))
        throw refuse(line, "there is a << behind a variable with a modifier; put the here-document before it")
    const words = shellWords(rest)
    if (words === undefined) {
        if (/(?:^|\s)\d*<<-?[^<\s]/.test(rest)) throw refuse(line, "there is a << behind a quote that isn't closed")
        return []
    }
    return words.flatMap((word) => {
        const [, dash, name] = HEREDOC_WORD.exec(word) ?? []
        if (dash === undefined || name === undefined || name === "") return []
        const plain = /^(["']?)([\w.+-]+)\1$/.exec(name)?.[2]
        if (plain === undefined) throw refuse(line, `the here-document's name ${name} is unusual; use letters, digits and _`)
        return [{ name: plain, chomp: dash === "-" }]
    })
}

/** `RUN ["a", "b"]` has no here-documents. */
function isJsonArray(rest: string, line: number): boolean {
    const body = rest.replace(/^(?:--\S*\s+)*/, "")
    if (!/^\[\s*["\]]/.test(body)) return false
    try {
        const parsed: unknown = JSON.parse(body)
        return Array.isArray(parsed)
    } catch {
        throw refuse(line, "this is neither a list in JSON nor surely a shell's command")
    }
}

/** Divided at spaces outside quotes, quotes kept. Undefined: a quote isn't closed. */
function shellWords(text: string): readonly string[] | undefined {
    const words: string[] = []
    let word = ""
    let quote = ""
    for (let at = 0; at < text.length; at += 1) {
        const char = text.charAt(at)
        if (char === "\\" && quote !== "'") {
            word += char + text.charAt(at + 1)
            at += 1
        } else if (quote !== "") {
            word += char
            if (char === quote) quote = ""
        } else if (LEADING.exec(char)?.[0] === char) {
            if (word !== "") words.push(word)
            word = ""
        } else {
            word += char
            if (char === '"' || char === "'") quote = char
        }
    }
    if (quote !== "") return undefined
    return word === "" ? words : [...words, word]
}

/** The instruction's name in capitals, and what follows it. */
export function splitKeyword(text: string): [keyword: string, rest: string, restAt: number] {
    const match = new RegExp(`^[${SPACE}]*([^\\t\\v\\f\\r ]*)[\\t\\v\\f\\r ]*`).exec(text)
    const at = match?.[0].length ?? 0
    return [(match?.[1] ?? "").toUpperCase(), text.slice(at), at]
}

/**
 * Older builders know no here-documents: they would read the body as instructions, which nobody has checked. That is harmless where they
 * stop at a word that is no instruction, before they fetch anything.
 *
 * @throws invalid_request
 */
export function checkHeredocs(lines: readonly PhysicalLine[], escaping: Directives["escape"], instructions: readonly LogicalLine[]): void {
    for (const instruction of instructions) {
        if (heredocsOf(instruction).length === 0) continue
        const from = lines.findIndex(({ start }) => start > (instruction.offsets.at(-1) ?? 0))
        const read = logicalLines(lines.slice(from), escaping, false).filter(({ offsets }) => (offsets[0] ?? 0) < instruction.end)
        if (read.some(({ text }) => !INSTRUCTIONS.has(splitKeyword(text)[0]))) continue
        throw refuse(instruction.line, "an older builder would take this here-document for instructions; end it with a name like EOF")
    }
}
