import { globSync, readFileSync } from "node:fs"
import path from "node:path"

const ROOT = path.resolve(import.meta.dirname, "../..")

/** Everything between two fences of a page. */
export type FencedBlock = {
    /** Relative to the checkout. */
    readonly page: string
    /** Of the heading above it, without what is in front; "" above the first. */
    readonly section: string
    readonly language: string
    readonly lines: readonly string[]
}

/** The pages that tell somebody what to type. */
export const PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...globSync("docs/**/*.md", { cwd: ROOT })].sort()

export function readPage(page: string): string {
    return readFileSync(path.join(ROOT, page), "utf8")
}

export function fencedBlocks(page: string, text: string = readPage(page)): readonly FencedBlock[] {
    const blocks: FencedBlock[] = []
    let section = ""
    let open: { language: string; indent: string; lines: string[] } | undefined
    for (const line of text.split("\n")) {
        const [, indent = "", fence, language = ""] = /^( *)(```)(\w*)$/.exec(line) ?? []
        if (fence !== undefined && open === undefined) open = { language, indent, lines: [] }
        else if (fence !== undefined && open !== undefined) {
            blocks.push({ page, section, language: open.language, lines: open.lines })
            open = undefined
        } else if (open !== undefined) open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
        else section = /^#+ (.*)$/.exec(line)?.[1] ?? section
    }
    return blocks
}

/** What stands in single backquotes in the text between the blocks. */
export function inlineCode(page: string, text: string = readPage(page)): readonly string[] {
    const prose = text.replaceAll(/^( *)```[\s\S]*?^ *```$/gm, "")
    return Array.from(prose.matchAll(/`([^`]+)`/g), ([, code = ""]) => code.replaceAll(/\s+/g, " "))
}

/** The simple commands of a shell line, each in words, those in `$(…)` and `<(…)` too; without assignments, redirections and comments. */
export function commandsIn(line: string): readonly (readonly string[])[] {
    const inner: string[] = []
    const commands: string[][] = [[]]
    for (const token of tokensOf(line, inner)) {
        if (token.operator) commands.push([])
        else commands.at(-1)?.push(token.text)
    }
    const simple = commands.map(withoutRedirections).filter((words) => words.length > 0)
    return [...simple, ...inner.flatMap(commandsIn)]
}

type Token = { readonly text: string; readonly operator: boolean }

function tokensOf(line: string, inner: string[]): readonly Token[] {
    const tokens: Token[] = []
    let word: string | undefined
    const end = (): void => {
        if (word !== undefined) tokens.push({ text: word, operator: false })
        word = undefined
    }
    for (let at = 0; at < line.length; at += 1) {
        const [character = "", next = ""] = [line[at], line[at + 1]]
        if (next === "(" && "$<".includes(character)) {
            const closing = closingOf(line, at + 2)
            inner.push(line.slice(at + 2, closing))
            word = `${word ?? ""}${line.slice(at, closing + 1)}`
            at = closing
        } else if (character === "'" || character === '"') {
            const closing = quoteEnd(line, at + 1, character)
            const quoted = line.slice(at + 1, closing)
            if (character === '"') for (const [, command = ""] of quoted.matchAll(/\$\(([^()]*)\)/g)) inner.push(command)
            word = `${word ?? ""}${quoted}`
            at = closing
        } else if (character === "#" && word === undefined) break
        else if (/\s/.test(character)) end()
        // "A|B" in one word is a choice.
        else if (";&".includes(character) || (character === "|" && (word === undefined || /\s|^$/.test(next)))) {
            // >&2 and &> are redirections.
            if (character === "&" && (word?.endsWith(">") === true || next === ">")) word = `${word ?? ""}${character}`
            else {
                end()
                tokens.push({ text: character, operator: true })
            }
        } else word = `${word ?? ""}${character}`
    }
    end()
    return tokens
}

function closingOf(line: string, from: number): number {
    let depth = 1
    for (let at = from; at < line.length; at += 1) {
        const character = line[at] ?? ""
        if (character === "'" || character === '"') at = quoteEnd(line, at + 1, character)
        else if (character === "(") depth += 1
        else if (character === ")" && --depth === 0) return at
    }
    return line.length
}

function quoteEnd(line: string, from: number, quote: string): number {
    for (let at = from; at < line.length; at += 1) {
        if (quote === '"' && line.startsWith("$(", at)) at = closingOf(line, at + 2)
        else if (line[at] === quote) return at
    }
    return line.length
}

function withoutRedirections(words: readonly string[]): readonly string[] {
    const kept: string[] = []
    for (let at = 0; at < words.length; at += 1) {
        const word = words[at] ?? ""
        if (/^\d*(?:<|>>?)$/.test(word)) at += 1
        else if (/^\d*[<>]/.test(word) && !word.startsWith("<(")) continue
        else if (kept.length === 0 && /^(?:[A-Za-z_]\w*=.*|[{}!]|if|then|else|do|while|until)$/s.test(word)) continue
        else kept.push(word)
    }
    return kept
}
