import { lineOf, type Source, titlesOf } from "./source.ts"

const NAME = /\bTK-[A-Z]+-\d+\b/g

export type StatedPromise = { readonly name: string; readonly since: readonly string[] }

/** The rows `| TK-KEY-1 | what is promised | core, backup |` of the threat model's table. */
export function readPromiseTable(markdown: string): StatedPromise[] {
    return markdown.split("\n").flatMap((line) => {
        const cells = line.split("|").map((cell) => cell.trim())
        const name = /^`?(TK-[A-Z]+-\d+)`?$/.exec(cells[1] ?? "")?.[1]
        if (name === undefined) return []
        // "core chain, authority checkpoints": the capability is the first word, the rest says which part came with it.
        const since = (cells.at(-2) ?? "").split(",").map((part) => part.trim().split(/\s+/)[0] ?? "")
        return [{ name, since }]
    })
}

/** Name → the first place it appears. */
type Places = ReadonlyMap<string, string>

function collect(found: readonly { readonly text: string; readonly place: string }[]): Places {
    const places = new Map<string, string>()
    for (const { text, place } of found) {
        for (const [name] of text.matchAll(NAME)) if (!places.has(name)) places.set(name, place)
    }
    return places
}

export function promisesInComments(sources: readonly Source[]): Places {
    return collect(
        sources.flatMap((source) => source.comments.map(({ start, text }) => ({ text, place: `${source.path}:${lineOf(source, start)}` }))),
    )
}

export function promisesInTitles(sources: readonly Source[]): Places {
    return collect(sources.flatMap((source) => titlesOf(source).map((text) => ({ text, place: source.path }))))
}

/** What is missing where. Promises of capabilities still to come may be missing, but not be unknown. */
export function comparePromises(table: readonly StatedPromise[], arrived: readonly string[], inCode: Places, inTests: Places): string[] {
    const known = new Set(table.map(({ name }) => name))
    const due = table.filter(({ since }) => since.some((capability) => arrived.includes(capability)))
    const twice = table.filter(({ name }, index) => table.findIndex((row) => row.name === name) !== index)
    return [
        ...twice.map(({ name }) => `docs/threat-model.md states ${name} twice`),
        ...due.filter(({ name }) => !inCode.has(name)).map(({ name }) => `${name}: no comment under src/ says where it is kept`),
        ...due.filter(({ name }) => !inTests.has(name)).map(({ name }) => `${name}: no test title under test/ claims it`),
        ...[...inCode, ...inTests]
            .filter(([name]) => !known.has(name))
            .map(([name, place]) => `${name}: named in ${place}, but docs/threat-model.md does not state it`),
    ]
}
