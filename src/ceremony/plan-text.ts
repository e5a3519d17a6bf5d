import type { TufKey } from "../tuf/index.ts"

export type PlanValue = string | number | readonly string[]
/** What is undefined is left out. */
export type PlanEntry = readonly [name: string, value: PlanValue | undefined]

/** One table of a plan as it is written, right or wrong; an empty head for what stands before the first. What can't stand in a plan is found when it is read. */
export function planTable(head: string, entries: readonly PlanEntry[]): string {
    const lines = entries.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${valueText(value)}\n`]))
    return `${head === "" ? "" : `${head}\n`}${lines.join("")}`
}

/** A bare public key. */
export function planKeyTable(name: string, { keytype, public: content }: TufKey): string {
    return planTable(`[${name}]`, [
        ["keytype", keytype],
        ["public", Buffer.from(content).toString("base64")],
    ])
}

function valueText(value: PlanValue): string {
    if (typeof value === "number") return String(value)
    return typeof value === "string" ? quoted(value) : `[${value.map(quoted).join(", ")}]`
}

function quoted(text: string): string {
    return `"${text.replaceAll(/["\\]/g, "\\$&")}"`
}
