/** A page with shell lines on it, what they print, and text in between. */
export type Block =
    | { readonly kind: "text"; readonly text: string }
    /** Lines that are typed one after the other, and what has to be among what they print, in this order. */
    | { readonly kind: "lines"; readonly lines: readonly PageLine[]; readonly prints: readonly string[] }

export type PageLine = { readonly line: string; readonly status: number }
export type Section = {
    readonly title: string /** `name` of a heading "## `name`: …" */
    readonly step: string | undefined
    readonly blocks: readonly Block[]
}

/**
 * The sections under the headings of second level. Shell lines stand in blocks marked `sh`; one that must not end with 0 has a comment
 * `# exit code N`. A block marked `text` behind them is what they print.
 */
export function parsePage(page: string): readonly Section[] {
    return page
        .split(/^## /m)
        .slice(1)
        .map((section) => {
            const [title = "", ...rest] = section.split("\n")
            return { title, step: /^`([a-z-]+)`: /.exec(title)?.[1], blocks: parseBlocks(rest.join("\n")) }
        })
}

function parseBlocks(text: string): readonly Block[] {
    const blocks: Block[] = []
    // Text, language, content, text, language, content, … text.
    const parts = text.split(/^```([a-z]*)\n([\s\S]*?)^```$/m)
    for (let index = 0; index < parts.length; index += 3) {
        const [words = "", language, content = ""] = parts.slice(index, index + 3)
        if (words.trim() !== "") blocks.push({ kind: "text", text: words.trim() })
        const lines = content.split("\n").filter((line) => line.trim() !== "")
        const before = blocks.at(-1)
        if (language === "sh") blocks.push({ kind: "lines", lines: lines.map(parseLine), prints: [] })
        else if (language === "text" && before?.kind === "lines") blocks.splice(-1, 1, { ...before, prints: lines })
        else if (language !== undefined)
            throw new Error(`a block of ${language === "" ? "no language" : language} has no place on this page`)
    }
    return blocks
}

function parseLine(text: string): PageLine {
    const [, line = text, status = "0"] = /^(.*?)\s+# exit code (\d+)$/.exec(text) ?? []
    return { line: line.trimEnd(), status: Number(status) }
}

/** The first of the lines that isn't found in what was printed, each sought behind the one before; `…` stands for anything in a line. */
export function missingIn(printed: string, lines: readonly string[]): string | undefined {
    let rest = printed.split("\n").map((line) => line.trimEnd())
    for (const wanted of lines) {
        const pattern = new RegExp(`^${wanted.trimEnd().split("…").map(RegExp.escape).join(".*")}$`)
        const at = rest.findIndex((line) => pattern.test(line))
        if (at < 0) return wanted
        rest = rest.slice(at + 1)
    }
    return undefined
}
