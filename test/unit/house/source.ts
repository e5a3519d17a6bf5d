export type Literal = { readonly start: number; readonly text: string }

/** A source file taken apart far enough to find imports, calls, comments and titles without being fooled by strings. */
export type Source = {
    readonly path: string
    /** The text with comments, string contents and regular expressions blanked out; offsets and lines stay. */
    readonly code: string
    /** Strings and templates; `start` is the offset of the opening quote. */
    readonly literals: readonly Literal[]
    readonly comments: readonly Literal[]
}

// After one of these a slash begins a regular expression; after a value it divides.
const BEFORE_REGEX = /(?:^|[([{,;:=!&|?+\-*%~^<>}\n]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield|throw|new|extends))\s*$/

export function readSource(path: string, text: string): Source {
    const code = [...text]
    const literals: Literal[] = []
    const comments: Literal[] = []
    // `code` is indexed like `text` only if both count UTF-16 units.
    if (code.length !== text.length) code.splice(0, code.length, ...text.split(""))
    const blank = (from: number, to: number): void => {
        for (let at = from; at < to; at += 1) if (code[at] !== "\n") code[at] = " "
    }
    /** Reads code from `at` until the end, or until the brace that closes a template's `${`. */
    const readCode = (from: number, inTemplate: boolean): number => {
        let at = from
        let depth = 0
        while (at < text.length) {
            const two = text.slice(at, at + 2)
            const one = text[at]
            if (two === "//" || two === "/*") {
                const close = two === "//" ? text.indexOf("\n", at) : text.indexOf("*/", at + 2)
                const end = close === -1 ? text.length : two === "//" ? close : close + 2
                comments.push({ start: at, text: text.slice(at, end) })
                blank(at, end)
                at = end
            } else if (one === '"' || one === "'") {
                const end = endOfString(text, at)
                literals.push({ start: at, text: text.slice(at + 1, end) })
                blank(at + 1, end)
                at = end + 1
            } else if (one === "`") {
                at = readTemplate(at)
            } else if (one === "/" && BEFORE_REGEX.test(code.slice(Math.max(0, at - 40), at).join(""))) {
                const end = endOfRegex(text, at)
                blank(at + 1, end)
                at = end + 1
            } else {
                if (one === "{") depth += 1
                if (one === "}") {
                    if (inTemplate && depth === 0) return at
                    depth -= 1
                }
                at += 1
            }
        }
        return at
    }
    const readTemplate = (start: number): number => {
        let at = start + 1
        while (at < text.length && text[at] !== "`") {
            if (text[at] === "\\") {
                blank(at, at + 2)
                at += 2
            } else if (text.slice(at, at + 2) === "${") {
                blank(at, at + 1)
                at = readCode(at + 2, true) + 1
            } else {
                blank(at, at + 1)
                at += 1
            }
        }
        literals.push({ start, text: text.slice(start + 1, at) })
        return at + 1
    }
    readCode(0, false)
    return { path, code: code.join(""), literals, comments }
}

function endOfString(text: string, start: number): number {
    let at = start + 1
    while (at < text.length && text[at] !== text[start]) at += text[at] === "\\" ? 2 : 1
    return at
}

function endOfRegex(text: string, start: number): number {
    let at = start + 1
    let inClass = false
    while (at < text.length && text[at] !== "\n") {
        if (text[at] === "\\") at += 1
        else if (text[at] === "[") inClass = true
        else if (text[at] === "]") inClass = false
        else if (text[at] === "/" && !inClass) return at
        at += 1
    }
    return at
}

export function lineOf(source: Source, offset: number): number {
    return source.code.slice(0, offset).split("\n").length
}

export type Import = { readonly line: number; readonly from: string }

// `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")` (types as well), `require("x")`.
const IMPORT = /\b(?:import|export)\b[^"'();=]*?\bfrom\s*(?=["'])|\bimport\s*(?=["'])|\b(?:import|require)\s*\(\s*(?=["'`])/g
// A method may be called import, as those generated for Keys.Import are: no expression begins with `name:`.
const COMPUTED_IMPORT = /\bimport\s*\(\s*(?!["']|\w+:)/g

/** Every module a file names, for values or for types. */
export function importsOf(source: Source): Import[] {
    const byStart = new Map(source.literals.map(({ start, text }) => [start, text]))
    return [...source.code.matchAll(IMPORT)].flatMap((match) => {
        const from = byStart.get(match.index + match[0].length)
        return from === undefined ? [] : [{ line: lineOf(source, match.index), from }]
    })
}

/** Lines where a file imports something only known when it runs. */
export function computedImportsOf(source: Source): number[] {
    return [...source.code.matchAll(COMPUTED_IMPORT)].map((match) => lineOf(source, match.index))
}

const TITLE = /\b(?:test|it|describe|suite)(?:\.\w+)?\s*\(\s*(?=["'`])/g

/** The titles of tests and suites: first arguments that are a string or a template. */
export function titlesOf(source: Source): string[] {
    const byStart = new Map(source.literals.map(({ start, text }) => [start, text]))
    return [...source.code.matchAll(TITLE)].flatMap((match) => byStart.get(match.index + match[0].length) ?? [])
}
