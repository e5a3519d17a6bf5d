import type { Bundle, Draft, Loose } from "./draft.ts"
import { Ceremony, type Hooks, type Scenario } from "./scenario.ts"

/** Where a checker has to stop: docs/formats/ceremony-bundle.md, "The verdict". */
export type Place = "bundle" | "plan" | number | "close" | "publication"

export type Mutation = {
    /** Continues "a bundle …" */
    readonly what: string
    readonly base?: keyof typeof BASES
    readonly place: Place | "nowhere"
    readonly hooks?: Hooks
    /** By somebody who has the vault's and the witness's keys: all hashes and signatures are made afterwards. */
    readonly draft?: (draft: Draft, ceremony: Ceremony) => void
    /** By somebody who has the stick only. */
    readonly files?: (bundle: Bundle, draft: Draft) => void
}

const GUNS = ["registry.example.com/team/app", "registry.example.com/team/other"]

export const BASES = {
    /** 1 pack, 2 open, 3–5 present alice-1 bob-1 carol-1, 6 keygen dave-1, 7 build, 8–11 sign, 12 backup, 13 close; published */
    rotation: {
        kind: "rotate-root",
        thresholds: { old: 2, new: 2 },
        keys: [
            { name: "alice-1", holder: "alice", change: "kept" },
            { name: "bob-1", holder: "bob", change: "retired" },
            { name: "carol-1", holder: "carol", change: "kept" },
            { name: "dave-1", holder: "dave", change: "new", attested: true },
        ],
        published: true,
    },
    /** 1 pack, 2 open, 3 keygen alice-1, 4 keygen bob-1, 5 build, 6–9 sign, 10–12 copies of alice-1, 13 its export, 14 backup of bob-1, 15 close */
    creation: {
        kind: "create-root",
        thresholds: { new: 1 },
        keys: [
            { name: "alice-1", holder: "alice", change: "new", make: "vault", copies: ["second", "third"] },
            { name: "bob-1", holder: "bob", change: "new" },
        ],
        guns: GUNS,
        backup: true,
    },
    /** 1 pack, 2 open, 3–4 present alice-1 bob-1, 5 keygen, 6 build, 7–8 sign, 9 void-root, 10 void-key, 11 keygen, 12 build, 13–15 sign, 16 backup, 17 close */
    spoilt: {
        kind: "rotate-root",
        thresholds: { old: 2, new: 2 },
        keys: [
            { name: "alice-1", holder: "alice", change: "kept" },
            { name: "bob-1", holder: "bob", change: "retired" },
            { name: "carol-1", holder: "carol", change: "new" },
        ],
        spoilt: "after-signing",
    },
    /** 1 pack, 2 open, 3 present alice-1, 4 keygen dave-1, 5 build, 6 sign, 7 backup, 8 close */
    lost: {
        kind: "root-lost",
        thresholds: { old: 2, new: 1 },
        keys: [
            { name: "alice-1", holder: "alice", change: "retired" },
            { name: "bob-1", holder: "bob", change: "lost" },
            { name: "carol-1", holder: "carol", change: "lost" },
            { name: "dave-1", holder: "dave", change: "new" },
        ],
    },
    /** Not good: alice-1's certificate has ended before record 11, the close, and nobody looks at it before. */
    ending: {
        kind: "rotate-root",
        thresholds: { old: 1, new: 1 },
        keys: [
            { name: "alice-1", holder: "alice", change: "kept", certifiedTo: new Date("2026-11-21T18:00:30Z") },
            { name: "bob-1", holder: "bob", change: "retired" },
            { name: "carol-1", holder: "carol", change: "new" },
        ],
    },
    /** 1 pack, 2 open, 3 keygen, 4 close */
    abandoned: {
        kind: "create-root",
        thresholds: { new: 1 },
        keys: [{ name: "alice-1", holder: "alice", change: "new" }],
        outcome: "abandoned",
    },
} as const satisfies Readonly<Record<string, Scenario>>

export const BASE_NAMES = ["rotation", "creation", "spoilt", "lost", "abandoned"] as const satisfies readonly (keyof typeof BASES)[]

const made = new Map<string, Ceremony>()

/** The ceremony that mutations start from: always the same, unless there are hooks; the keys are the same even then. */
function baseCeremony(base: keyof typeof BASES, hooks?: Hooks): Ceremony {
    const first = made.get(base) ?? new Ceremony(BASES[base])
    made.set(base, first)
    return hooks === undefined ? first : new Ceremony(BASES[base], first.made, hooks)
}

/** A copy of its records, to be changed; whoever verifies many of them finds the same signatures in most places. */
export function baseDraft(base: keyof typeof BASES): Draft {
    return baseCeremony(base).draft.copy()
}

export function mutate(mutation: Mutation): { readonly bundle: Bundle; readonly place: Place | undefined } {
    const ceremony = baseCeremony(mutation.base ?? "rotation", mutation.hooks)
    const draft = ceremony.draft.copy()
    mutation.draft?.(draft, ceremony)
    const bundle = draft.seal()
    mutation.files?.(bundle, draft)
    return { bundle, place: mutation.place === "nowhere" ? undefined : mutation.place }
}

/** One text for another, which has to be there. */
export function replaceIn(text: string, from: string | RegExp, to: string): string {
    const changed = text.replace(from, to)
    if (changed === text) throw new Error(`there is no ${from} to be changed`)
    return changed
}

export function planWith(from: string | RegExp, to: string): (draft: Draft) => void {
    return (draft) => {
        draft.plan = replaceIn(draft.plan, from, to)
    }
}

export function fileOf(bundle: Bundle, name: string): Buffer {
    const found = bundle.get(name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
}

/** The text of a file, changed. */
export function fileWith(name: string, change: (text: string) => string): (bundle: Bundle) => void {
    return (bundle) => {
        const text = fileOf(bundle, name).toString()
        const changed = change(text)
        if (changed === text) throw new Error(`${name} is not changed`)
        bundle.set(name, Buffer.from(changed))
    }
}

/** The n-th line of the transcript, changed. */
export function lineWith(n: number, change: (line: string) => string): (bundle: Bundle) => void {
    return fileWith("transcript.jsonl", (text) =>
        text
            .split("\n")
            .map((line, index) => (index === n - 1 ? change(line) : line))
            .join("\n"),
    )
}

/** Facts of the n-th record, changed; undefined takes one away. */
export function factsWith(n: number, facts: Loose): (draft: Draft) => void {
    return (draft) => {
        const record = draft.record(n)
        const changed = Object.entries({ ...record.facts, ...facts }).filter(([, value]) => value !== undefined)
        record.facts = Object.fromEntries(changed)
    }
}

/** Something else under a name in the `out` of the n-th record. */
export function outWith(n: number, name: string, change: (content: Buffer) => Buffer | string): (draft: Draft) => void {
    return (draft) => {
        const { out } = draft.record(n)
        const content = out.get(name)
        if (content === undefined) throw new Error(`record ${n} makes no ${name}`)
        const changed = Buffer.from(change(content))
        if (changed.equals(content)) throw new Error(`${name} is not changed`)
        out.set(name, changed)
    }
}

/** One byte of it changed. */
export function flip(content: Buffer, at = Math.floor(content.length / 2)): Buffer {
    const copy = Buffer.from(content)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
}
