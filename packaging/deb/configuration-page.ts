import { readFileSync } from "node:fs"
import path from "node:path"
import { ROOT } from "./layout.ts"
import { tableRows } from "./markdown.ts"
import { heading, roff } from "./roff.ts"

/** A field as packaging/trustkeyd.toml shows it. */
export type ShippedField = {
    /** As docs/configuration.md has it: `limits.max_payload`, `token.name`. */
    readonly name: string
    readonly value: string
    /** false: the value is an example. */
    readonly inForce: boolean
    readonly text: string
}
export type ShippedTable = { readonly header: string; readonly text: readonly string[]; readonly fields: readonly ShippedField[] }

const SHIPPED = path.join(ROOT, "packaging/trustkeyd.toml")
const PAGE = path.join(ROOT, "docs/configuration.md")

/** trustkeyd.toml(5): what the shipped file says of each field, and the bounds that docs/configuration.md has. */
export function configurationPage(version: string, date: Date): string {
    const page = readFileSync(PAGE, "utf8")
    const bounds = boundsOf(page)
    const [head, ...tables] = readShipped(readFileSync(SHIPPED, "utf8"))
    if (head === undefined) throw new Error(`${SHIPPED} has no field`)
    const describe = (header: string, { name, value, inForce, text }: ShippedField): string => {
        const bound = bounds.get(name)
        // Tables of which there may be several have no defaults.
        const kind = inForce && !header.startsWith("[[") ? "Default" : "Example"
        const remarks = [text, `${kind}: ${value}`, bound === undefined ? "" : `Takes: ${bound}`]
        const lines = remarks.filter((remark) => remark !== "").map((remark) => `${roff(remark)}\n`)
        return `.TP\n.B ${roff(name.slice(name.lastIndexOf(".") + 1))}\n${lines.join(".br\n")}`
    }
    const units = tableRows(page, "Units").map(
        ([kind = "", written = "", meaning = ""]) => `.TP\n${roff(kind)}\n${roff(`${written}: ${meaning}`)}\n`,
    )
    return [
        heading("trustkeyd.toml", 5, version, date),
        ".SH NAME\ntrustkeyd.toml \\- what trustkeyd may and shall do\n",
        ".SH SYNOPSIS\n.I /etc/trustkeyd/trustkeyd.toml\n",
        ".SH DESCRIPTION\nTOML. A field that does not exist is a mistake.\n",
        ...head.text.map((paragraph) => `.PP\n${/^ /m.test(paragraph) ? `.nf\n${roff(paragraph)}\n.fi` : roff(paragraph)}\n`),
        `.SH UNITS\n${units.join("")}`,
        `.SH FIELDS\n${head.fields.map((field) => describe(head.header, field)).join("")}`,
        ...tables.map(({ header, text, fields }) => {
            const paragraphs = text.map((paragraph) => `${roff(paragraph)}\n`).join(".PP\n")
            return `.SS ${roff(header)}\n${paragraphs}${fields.map((field) => describe(header, field)).join("")}`
        }),
        ".SH SEE ALSO\n.BR trustkeyd (8),\n.BR trustkey (1)\n.br\n/usr/share/doc/trustkeyd/docs/configuration.md and policy.md\n",
    ].join("")
}

/** What the shipped file shows: first what is above the tables, then each table once. */
export function readShipped(text: string): readonly ShippedTable[] {
    const tables = new Map<string, { text: string[]; fields: ShippedField[] }>()
    const tableOf = (header: string): { text: string[]; fields: ShippedField[] } => {
        const known = tables.get(header) ?? { text: [], fields: [] }
        tables.set(header, known)
        return known
    }
    let header = ""
    let comment: string[] = []
    const taken = (separator: string): string => {
        const lines = comment
        comment = []
        return lines.join(separator).replace(/^\n+|\s+$/g, "")
    }
    for (const line of text.split("\n")) {
        const [, remark] = /^#(?: (.*))?$/.exec(line) ?? []
        const [, opened] = /^#?(\[\[?[\w.]+\]\]?)$/.exec(line) ?? []
        const [, disabled, field, value] = /^(#?)(\w+) = (.+)$/.exec(line) ?? []
        if (line.startsWith("# ") || line === "#") comment.push(remark ?? "")
        else if (opened !== undefined) {
            header = opened
            const about = taken(" ")
            if (about !== "") tableOf(header).text.push(about)
            tableOf(header)
        } else if (field !== undefined && value !== undefined) {
            const { fields } = tableOf(header)
            const name = [...header.replaceAll(/[[\]]/g, "").split("."), field].filter((part) => part !== "").join(".")
            const about = taken(" ")
            if (!fields.some((known) => known.name === name)) fields.push({ name, value, inForce: disabled === "", text: about })
        } else if (line === "") {
            const paragraphs = taken("\n").split("\n\n")
            tableOf(header).text.push(...paragraphs.filter((paragraph) => paragraph !== ""))
        } else throw new Error(`${SHIPPED}: ${line} is no comment, table or field`)
    }
    return Array.from(tables, ([name, table]) => ({ header: name, ...table }))
}

/** The third column of the page's table of fields, by the field's name. */
export function boundsOf(page: string): ReadonlyMap<string, string> {
    return new Map(
        tableRows(page, "Fields").flatMap(([names = "", , bounds = ""]) =>
            names.split(", ").flatMap((name) => everySocket(name).map((field) => [field, bounds] as const)),
        ),
    )
}

function everySocket(name: string): readonly string[] {
    return name.startsWith("sockets.*.") ? ["sign", "admin"].map((socket) => name.replace("*", socket)) : [name]
}
