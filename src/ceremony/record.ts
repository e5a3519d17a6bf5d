import { sha256 } from "../crypto/index.ts"
import { canonicalize, type Json } from "../tuf/index.ts"
import { isNumber, isObject, listOf, membersOf, parseCanonical, stringOf } from "./canonical-json.ts"
import { refuse } from "./fault.ts"
import { formatTime, HASH, isText, NAME, parseTime } from "./forms.ts"

export const STEPS = ["pack", "open", "keygen", "present", "void-key", "build", "sign", "void-root", "backup", "close", "publish"] as const
export type StepName = (typeof STEPS)[number]

/** Something a step read or made: its name in the ceremony, and SHA-256 (hex) of its bytes. */
export type Item = { readonly name: string; readonly sha256: string }

export type Facts = ReadonlyMap<string, string | number>

/** One line of the transcript: docs/formats/ceremony-bundle.md. */
export type CeremonyRecord = {
    /** From 1 */
    readonly n: number
    /** `hash` of the record before, of the first the plan's; hex */
    readonly prev: string
    readonly hash: string
    /** Whole seconds */
    readonly t: Date
    /** A person of the plan */
    readonly who: string
    readonly step: StepName
    readonly facts: Facts
    /** Both sorted by name. */
    readonly in: readonly Item[]
    readonly out: readonly Item[]
    readonly note: string
}

const MAX_RECORD_BYTES = 1024 * 1024
const MEMBERS = ["facts", "hash", "in", "n", "note", "out", "prev", "step", "t", "who"]

/** The record with its hash. Times are cut to whole seconds. */
export function sealRecord(record: Omit<CeremonyRecord, "hash">): CeremonyRecord {
    const sealed = { ...record, t: new Date(Math.floor(record.t.getTime() / 1000) * 1000) }
    return { ...sealed, hash: hashOf(sealed) }
}

/** The line, with its line feed. */
export function encodeRecord(record: CeremonyRecord): Buffer {
    const line = canonicalize(new Map([...membersWithoutHash(record), ["hash", record.hash]]))
    return Buffer.concat([line, Buffer.from("\n")])
}

/** A line without its line feed. Whether it is the record whose turn it is, is the chain's question. @throws Fault */
export function parseRecord(line: Uint8Array): CeremonyRecord {
    const members = membersOf(parseCanonical(line, "the record", MAX_RECORD_BYTES), "the record", MEMBERS)
    const n = members.get("n")
    const record = {
        n: isNumber(n) && n > 0 ? n : refuse("n is no number from 1 on"),
        prev: stringOf(members.get("prev"), "prev", isHash),
        hash: stringOf(members.get("hash"), "hash", isHash),
        t: parseTime(stringOf(members.get("t"), "t", () => true)) ?? refuse('t is no time like "2026-11-21T18:00:00Z"'),
        who: stringOf(members.get("who"), "who", (text) => NAME.test(text)),
        step: STEPS.find((step) => step === members.get("step")) ?? refuse("the step is unknown"),
        facts: parseFacts(members.get("facts")),
        in: parseItems(members.get("in"), "in"),
        out: parseItems(members.get("out"), "out"),
        note: stringOf(members.get("note"), "the note", (text) => text === "" || isText(text)),
    }
    if (hashOf(record) !== record.hash) refuse("its hash is not the hash of what it says: it was changed, or is half written")
    return record
}

function parseFacts(value: Json | undefined): Facts {
    if (!isObject(value)) return refuse("facts is no object")
    const facts = new Map<string, string | number>()
    for (const [name, fact] of value) {
        if (!isNumber(fact) && !(typeof fact === "string" && isText(fact))) refuse("a fact is neither text nor a whole number")
        else facts.set(name, fact)
    }
    return facts
}

function parseItems(value: Json | undefined, subject: string): readonly Item[] {
    const items = listOf(value, subject).map((json) => {
        const members = membersOf(json, `an item of ${subject}`, ["name", "sha256"])
        return {
            name: stringOf(members.get("name"), `a name in ${subject}`, isText),
            sha256: stringOf(members.get("sha256"), `a hash in ${subject}`, isHash),
        }
    })
    for (const [index, { name }] of items.entries()) {
        const before = items[index - 1]
        if (before !== undefined && compareNames(before.name, name) >= 0) refuse(`${subject} is not sorted by name, or has a name twice`)
    }
    return items
}

export function sortItems(items: readonly Item[]): readonly Item[] {
    return items.toSorted((left, right) => compareNames(left.name, right.name))
}

function compareNames(left: string, right: string): number {
    return Buffer.compare(Buffer.from(left, "utf8"), Buffer.from(right, "utf8"))
}

function isHash(text: string): boolean {
    return HASH.test(text)
}

function hashOf(record: Omit<CeremonyRecord, "hash">): string {
    return sha256(canonicalize(membersWithoutHash(record))).toString("hex")
}

function membersWithoutHash(record: Omit<CeremonyRecord, "hash">): ReadonlyMap<string, Json> {
    return new Map<string, Json>([
        ["facts", record.facts],
        ["in", record.in.map(itemJson)],
        ["n", record.n],
        ["note", record.note],
        ["out", record.out.map(itemJson)],
        ["prev", record.prev],
        ["step", record.step],
        ["t", formatTime(record.t)],
        ["who", record.who],
    ])
}

function itemJson({ name, sha256: digest }: Item): Json {
    return new Map([
        ["name", name],
        ["sha256", digest],
    ])
}
