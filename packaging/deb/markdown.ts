/** The rows of the table under a heading of second level, without what Markdown adds. @throws when there is none */
export function tableRows(page: string, title: string): readonly (readonly string[])[] {
    const [, section = ""] = page.split(`\n## ${title}\n`)
    const rows = rowsIn(section.split(/^## /m)[0] ?? "")
    if (rows.length === 0) throw new Error(`there is no table under ${title}`)
    return rows
}

/** The rows of all tables in a text, their headings left out. */
export function rowsIn(text: string): readonly (readonly string[])[] {
    const tables = text.match(/^\|.*\|\n\|(?: --- \|)+\n(?:\|.*\|(?:\n|$))+/gm) ?? []
    return tables.flatMap((table) =>
        table
            .trimEnd()
            .split("\n")
            .slice(2)
            .map((row) =>
                row
                    .slice(1, -1)
                    .split("|")
                    .map((cell) => plain(cell.trim())),
            ),
    )
}

/** Without marks for code, for emphasis, and links' targets. */
export function plain(text: string): string {
    return text
        .replaceAll("`", "")
        .replaceAll("**", "")
        .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1")
}
