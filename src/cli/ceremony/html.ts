import { printable } from "../output.ts"

/** A piece of HTML. Made by `html` only, so whatever came from elsewhere is escaped in it. */
class Html {
    readonly #markup: string

    constructor(markup: string) {
        this.#markup = markup
    }

    toString(): string {
        return this.#markup
    }
}

export type { Html }

type Value = string | number | Html | readonly Html[]

/** Markup as it is written here; each value is a text, which is escaped, or HTML itself. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
    return new Html(parts.map((part, index) => (index === 0 ? part : `${markupOf(values[index - 1] ?? "")}${part}`)).join(""))
}

function markupOf(value: Value): string {
    if (typeof value === "string") return escapeText(value)
    if (typeof value === "number") return String(value)
    return value instanceof Html ? value.toString() : value.map(String).join("")
}

/** For text and for quoted attributes. What a terminal must not be shown as it is, paper isn't either. */
function escapeText(text: string): string {
    return printable(text)
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;")
        .replaceAll('"', "&quot;")
        .replaceAll("'", "&#39;")
}

/**
 * One self-contained file: no script, nothing loaded from anywhere, and a browser told so. `style` is ours alone: no text from elsewhere
 * can be made safe there.
 */
export function htmlDocument(title: string, style: string, body: Html): string {
    const head = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
`
    return `${head}<style>\n${style}</style>\n</head>\n${html`<body>\n${body}\n</body>\n</html>\n`}`
}
