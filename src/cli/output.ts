import { styleText } from "node:util"
import { inFrontEnd } from "./command-names.ts"
import type { FrontEnd } from "./context.ts"
import type { Terminal } from "./terminal.ts"

export type OutputOptions = { readonly quiet: boolean; readonly colour: boolean; readonly frontEnd?: FrontEnd }

export type Fact = readonly [name: string, value: string, alarm?: string]

/** Results on stdout, everything else on stderr. */
export class Output {
    readonly #terminal: Terminal
    readonly #options: OutputOptions

    constructor(terminal: Terminal, options: OutputOptions) {
        this.#terminal = terminal
        this.#options = options
    }

    /** A line of the result. */
    line(text = ""): void {
        this.#terminal.stdout.write(`${text}\n`)
    }

    /** Bytes of the result, nothing added. */
    bytes(content: Uint8Array): void {
        this.#terminal.stdout.write(content)
    }

    /** The whole result as one JSON document. */
    json(document: unknown): void {
        this.#terminal.stdout.write(`${escaped(JSON.stringify(document, undefined, 2))}\n`)
    }

    /** What a person may want to know; not with --quiet. */
    note(text: string): void {
        if (!this.#options.quiet) this.#terminal.stderr.write(`${this.#remark(text)}\n`)
    }

    /** What a person is about to be asked about: also with --quiet. */
    subject(text: string): void {
        this.#terminal.stderr.write(`${printableLines(text)}\n`)
    }

    /** What went wrong with one of several things; the others go on. */
    failure(text: string): void {
        this.#terminal.stderr.write(`${printableLines(text)}\n`)
    }

    warn(text: string): void {
        const word = this.#options.colour && this.#terminal.stderrIsTerminal ? styleText("yellow", "warning:", PLAIN_STREAM) : "warning:"
        this.#terminal.stderr.write(`${word} ${this.#remark(text)}\n`)
    }

    #remark(text: string): string {
        return printableLines(inFrontEnd(this.#options.frontEnd ?? "trustkey", text))
    }

    /** Columns aligned, two spaces between them. Cells come from daemons and servers, so control characters are made visible. */
    table(header: readonly string[], rows: readonly (readonly string[])[]): void {
        for (const [index, line] of tableLines(header, rows).entries()) {
            this.line(index === 0 ? this.#styled("bold", line) : line)
        }
    }

    /** `name  value` lines, aligned; empty values are left out. An `alarm` comes behind the value, in red. */
    facts(facts: readonly Fact[]): void {
        const shown = facts.filter(([, value]) => value !== "")
        const width = Math.max(0, ...shown.map(([name]) => name.length))
        for (const [name, value, alarm] of shown) {
            const tail = alarm === undefined ? "" : `: ${this.#styled("red", printable(alarm))}`
            this.line(`${name.padEnd(width)}  ${printable(value)}${tail}`)
        }
    }

    /** Of a result. */
    #styled(style: "bold" | "red", text: string): string {
        return this.#options.colour && this.#terminal.stdoutIsTerminal ? styleText(style, text, PLAIN_STREAM) : text
    }
}

// Whether to colour is decided by us: styleText would look at the process's own streams and environment.
const PLAIN_STREAM = { validateStream: false } as const

export function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
    const lines = [header, ...rows.map((row) => row.map(printable))]
    const widths = header.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ""))))
    return lines.map((line) => {
        const cells = line.map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
        return cells.join("  ").trimEnd()
    })
}

function widthOf(text: string): number {
    return [...text].length
}

/** Control characters and direction overrides as \u{…}: text from elsewhere must not move the cursor or hide itself. */
export function printable(text: string): string {
    return text.replaceAll(
        /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
        (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
    )
}

/** The same for a text that may have several lines: names of tokens, words of servers find their way into any of ours. */
export function printableLines(text: string): string {
    return text.split("\n").map(printable).join("\n")
}

/** What JSON lets through unescaped, and a terminal would obey: DEL, C1 controls, marks of direction. */
function escaped(json: string): string {
    return json.replaceAll(
        /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
}

/** Key IDs in tables: 12 hex digits are enough for a person and for `trustkey key show`. */
export function shortId(id: string): string {
    return id.slice(0, 12)
}

/** Colour only on a terminal that can and for a person who wants it (no-color.org). */
export function wantsColour(environment: Readonly<Record<string, string | undefined>>): boolean {
    return (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb"
}
