import type { z } from "zod"

/**
 * One line for each mistake: where it is and what would be right. Values are never repeated: one may be a secret in the wrong place.
 * `unknowns` has more to say than "there is no such field" about fields of the top level.
 */
export function mistakeLines(issues: readonly z.core.$ZodIssue[], unknowns: ReadonlyMap<string, string> = new Map()): readonly string[] {
    return issues.flatMap((issue) => {
        if (issue.code !== "unrecognized_keys") return [line(issue.path, issue.message)]
        return issue.keys.map((key) => {
            const known = issue.path.length === 0 ? unknowns.get(key) : undefined
            return line([...issue.path, key], known ?? "there is no such field")
        })
    })
}

function line(path: readonly PropertyKey[], message: string): string {
    return path.length === 0 ? message : `${pathText(path)}: ${message}`
}

/** `allow #2.who #1`: the second [[allow]], and in it the first of `who`. Counted from 1. */
function pathText(path: readonly PropertyKey[]): string {
    return path.map((part, index) => (typeof part === "number" ? ` #${part + 1}` : `${index === 0 ? "" : "."}${String(part)}`)).join("")
}

/** zod's own findings in our words. */
export function explainIssue(issue: z.core.$ZodRawIssue): string | undefined {
    switch (issue.code) {
        case "invalid_type":
            return issue.input === undefined ? "missing" : `must be ${typeName(issue.expected)}`
        case "invalid_value":
            return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`
        case "too_small":
            return typeof issue.input === "number" ? `must be at least ${issue.minimum}` : "must not be empty"
        case "too_big":
            return typeof issue.input === "number"
                ? `must be at most ${issue.maximum}`
                : `has more than ${issue.maximum} elements or characters`
        default:
            return undefined
    }
}

function typeName(expected: string): string {
    const names: Readonly<Record<string, string>> = {
        string: "a text in quotes",
        number: "a number",
        int: "a whole number",
        boolean: "true or false",
        array: "a list",
        object: "a table",
        record: "a table",
    }
    return names[expected] ?? expected
}
