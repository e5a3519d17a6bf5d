import type { TufKey } from "../../tuf/index.ts"

export type Value = string | number | readonly string[]

/** One table of a plan as people typed it, right or wrong; an empty head for what stands before the first. What is undefined is left out. */
export function table(head: string, fields: readonly (readonly [string, Value | undefined])[]): string {
    const lines = fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${valueText(value)}\n`]))
    return `${head === "" ? "" : `${head}\n`}${lines.join("")}`
}

/** A bare public key. */
export function keyTable(name: string, { keytype, public: content }: TufKey): string {
    return table(`[${name}]`, [
        ["keytype", keytype],
        ["public", Buffer.from(content).toString("base64")],
    ])
}

function valueText(value: Value): string {
    if (typeof value === "number") return String(value)
    return typeof value === "string" ? quoted(value) : `[${value.map(quoted).join(", ")}]`
}

/** What can't stand in a plan is found when the plan is read again. */
function quoted(text: string): string {
    return `"${text.replaceAll(/["\\]/g, "\\$&")}"`
}
