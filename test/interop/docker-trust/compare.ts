import type { DockerCli } from "../../support/docker-clis.ts"
import { DIFFERENCES, type Difference, RULES, type Rule } from "./differences.ts"
import { FIELDS, type Field, type Outcome } from "./outcome.ts"

/** Holds what docker did against what we did, with one CLI; remembers which intended differences it has seen. */
export class Comparison {
    readonly #cli: DockerCli
    readonly #seen = new Set<Rule | Difference>()

    constructor(cli: DockerCli) {
        this.#cli = cli
    }

    /** What is different and isn't meant to be; or was meant to be and isn't. Empty when all is well. */
    problems(title: string, stock: Outcome, ours: Outcome): readonly string[] {
        return FIELDS.flatMap((field) => this.#fieldProblems(title, field, stock[field], ours[field]))
    }

    #fieldProblems(title: string, field: Field, stockText: string, ourText: string): readonly string[] {
        const stock = this.#ruled("docker", field, stockText)
        const ours = this.#ruled("ours", field, ourText)
        const rows = DIFFERENCES.filter((row) => row.field === field && row.lines.includes(title) && this.#concerns(row))
        let expected = stock
        const problems: string[] = []
        for (const row of rows) {
            this.#seen.add(row)
            if (!fits(expected, row.docker))
                problems.push(`${field}: docker no longer says ${String(row.docker)}, which a row of the table tells of (${row.reason})`)
            else expected = expected.replace(row.docker, () => row.ours)
        }
        if (rows.length > 0 && stock === ours) problems.push(`${field}: no longer different, but the table has a row: ${rows[0]?.reason}`)
        if (expected !== ours) problems.push(`${field}:\n${lineDifference(expected, ours)}`)
        return problems
    }

    #ruled(side: Rule["side"], field: Field, text: string): string {
        let ruled = text
        for (const rule of RULES) {
            if (rule.side !== side || rule.field !== field || !this.#concerns(rule)) continue
            const next = ruled.replace(rule.pattern, rule.replacement)
            if (next !== ruled) this.#seen.add(rule)
            ruled = next
        }
        return ruled
    }

    #concerns({ from = 0, before = Number.POSITIVE_INFINITY }: { readonly from?: number; readonly before?: number }): boolean {
        return this.#cli.major >= from && this.#cli.major < before
    }

    /** Rows and rules for this CLI that nothing in the whole script needed. */
    unused(): readonly string[] {
        return [...RULES, ...DIFFERENCES].filter((row) => this.#concerns(row) && !this.#seen.has(row)).map(({ reason }) => reason)
    }
}

/** An empty text stands for nothing at all. */
function fits(text: string, part: string | RegExp): boolean {
    if (typeof part !== "string") return part.test(text)
    return part === "" ? text === "" : text.includes(part)
}

/** `-` is what was expected of us, `+` what we did. */
function lineDifference(expected: string, actual: string): string {
    const [left, right] = [expected.split("\n"), actual.split("\n")]
    let start = 0
    while (start < left.length && start < right.length && left[start] === right[start]) start += 1
    let end = 0
    while (end < left.length - start && end < right.length - start && left.at(-1 - end) === right.at(-1 - end)) end += 1
    const shown = (lines: readonly string[], sign: string): string[] =>
        lines.slice(start, lines.length - end).map((line) => `    ${sign} ${JSON.stringify(line).slice(1, -1)}`)
    return [...shown(left, "-"), ...shown(right, "+")].join("\n")
}
