import { type Bundle, type Draft, type Loose, type RecordDraft, sha256 } from "./draft.ts"
import { BASE_NAMES, baseDraft } from "./mutations.ts"

/** The same numbers for the same seed (Numerical Recipes' generator; of its bits the upper ones are good). */
class Dice {
    #state: number

    constructor(seed: number) {
        // Seeds beside each other must not begin alike.
        this.#state = Number.parseInt(sha256(String(seed)).slice(0, 8), 16)
    }

    /** 0 … below − 1 */
    roll(below: number): number {
        this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
        return Math.floor((this.#state / 2 ** 32) * below)
    }

    pick<T>(choices: readonly T[]): T {
        const chosen = choices[this.roll(choices.length)]
        if (chosen === undefined) throw new Error("nothing to choose from")
        return chosen
    }
}

/** A good ceremony with some changes at random, hashes and signatures made to fit for all but the last kind. */
export function fuzzed(seed: number): { readonly bundle: Bundle; readonly changes: readonly string[] } {
    const dice = new Dice(seed)
    const base = dice.pick(BASE_NAMES)
    const draft = baseDraft(base)
    const changes: string[] = [base]
    for (let count = 1 + dice.roll(2); count > 0; count--) {
        const change = dice.pick([
            changePlan,
            changePlan,
            changeRecord,
            changeRecord,
            changeOrder,
            changeArtefact,
            changeArtefact,
            changeClose,
        ])
        changes.push(change(draft, dice))
    }
    const bundle = draft.seal()
    if (dice.roll(8) === 0) changes.push(changeFile(bundle, dice))
    return { bundle, changes }
}

const WORDS = [
    "lena",
    "wim",
    "alice",
    "bob",
    "dave-1",
    "alice-1",
    "token",
    "vault",
    "new",
    "kept",
    "retired",
    "lost",
    "added",
    "2",
    "",
    "é",
    "\u200d",
    "\ud83d\ude00",
]
const LINES = [
    "",
    "# more",
    "[[spare]]",
    "[backup]",
    "[closing]",
    "[[person]]",
    "[repository.roles]",
    "threshold = 1",
    "threshold = 0",
    'token = "x"',
    "copies = []",
    "spare = []",
    'make = "vault"',
    " [ closing.vault ] # x",
]

function changePlan(draft: Draft, dice: Dice): string {
    const lines = draft.plan.split("\n")
    const at = dice.roll(lines.length)
    const line = lines[at] ?? ""
    const other = dice.roll(lines.length)
    switch (dice.roll(7)) {
        case 0:
            lines.splice(at, 1)
            break
        case 1:
            lines.splice(at, 0, lines[other] ?? "")
            break
        case 2:
            lines[at] = lines[other] ?? ""
            break
        case 3:
            lines[at] = line.replace(/".*"/, `"${dice.pick(WORDS)}"`)
            break
        case 4:
            lines.splice(at, 0, dice.pick(LINES))
            break
        case 5:
            lines[at] = changeText(line, dice)
            break
        default:
            lines[at] = line.replace(/= .*/, (value) => (lines[other] ?? "").match(/= .*/)?.[0] ?? value)
    }
    draft.plan = lines.join("\n")
    return `plan line ${at + 1}: ${line} → ${lines[at]}`
}

function changeText(text: string, dice: Dice): string {
    const at = dice.roll(text.length + 1)
    const inserted = dice.pick([" ", "0", "9", "a", "A", "-", '"', "\\", "=", "#", "[", "]", ",", ".", "\t", "\u0085", "\u00a0", "é"])
    return `${text.slice(0, at)}${inserted}${text.slice(at + dice.roll(2))}`
}

const VALUES: readonly unknown[] = [
    0,
    1,
    2,
    3,
    -1,
    2 ** 31,
    2 ** 53,
    null,
    true,
    [],
    {},
    "",
    "x",
    "token",
    "vault",
    "imported",
    "p384",
    "rsa2048",
    "9d",
    "never",
    "copy",
    "export",
    "complete",
    "abandoned",
    "yes",
    "0".repeat(64),
    "second",
    "spare",
]
const STEPS = ["pack", "open", "keygen", "present", "void-key", "build", "sign", "void-root", "backup", "close", "publish"]

function changeRecord(draft: Draft, dice: Dice): string {
    const n = 1 + dice.roll(draft.records.length)
    const record = draft.record(n)
    const names = Object.keys(record.facts)
    const fact = names.length === 0 ? "key" : dice.pick(names)
    switch (dice.roll(8)) {
        case 0:
            record.who = dice.pick(["lena", "wim", "alice", "bob", "carol", "dave"])
            return `record ${n} by ${record.who}`
        case 1:
            record.step = dice.pick(STEPS)
            return `record ${n} is ${record.step}`
        case 2:
            delete record.facts[fact]
            return `record ${n} without ${fact}`
        case 3:
            record.t = dice.pick([
                "2026-11-21T07:59:59Z",
                "2026-11-21T08:00:00Z",
                "2026-11-21T17:56:00Z",
                "2026-11-21T18:11:00Z",
                "2026-11-21T23:00:00Z",
                "2026-11-21T24:00:00Z",
                "0000-01-01T00:00:00Z",
                "2026-11-21T23:59:60Z",
            ])
            return `record ${n} at ${record.t}`
        case 4:
            record.note = dice.pick([...WORDS, "a\tb", "\u0000", "x".repeat(1024), "x".repeat(1025)])
            return `record ${n} notes ${JSON.stringify(record.note)}`
        case 5: {
            const from = draft.record(1 + dice.roll(draft.records.length)).facts
            record.facts = { ...record.facts, [fact]: from[fact] ?? dice.pick(Object.values(from).concat(1)) }
            return `record ${n}: ${fact} of another`
        }
        case 6:
            record.in = dice.roll(2) === 0 ? record.in.slice(1) : record.in.concat(draft.record(1 + dice.roll(draft.records.length)).in)
            return `record ${n} reads other things`
        default:
            record.facts = {
                ...record.facts,
                [dice.roll(4) === 0 ? dice.pick(["token", "serial", "slot", "key", "sha256"]) : fact]: dice.pick(VALUES),
            }
            return `record ${n}: ${JSON.stringify(record.facts)}`
    }
}

function changeOrder(draft: Draft, dice: Dice): string {
    const [at, other] = [dice.roll(draft.records.length), dice.roll(draft.records.length)]
    const times = draft.records.map(({ t }) => t)
    const records = draft.records.map(({ t: _, ...record }) => record)
    const [moved] = records.splice(at, 1)
    const kind = dice.pick(["gone", "moved", "twice"] as const)
    if (moved !== undefined && kind !== "gone") records.splice(other, 0, moved, ...(kind === "twice" ? [structuredClone(moved)] : []))
    draft.records = records.map((record, index): RecordDraft => ({ ...record, t: times[index] ?? times.at(-1) ?? "" }))
    return `record ${at + 1} ${kind} ${other + 1}`
}

function changeArtefact(draft: Draft, dice: Dice): string {
    const makers = draft.records.filter(({ out }) => out.size > 0)
    if (makers.length === 0) return "nothing"
    const { out } = dice.pick(makers)
    const name = dice.pick([...out.keys()])
    const content = out.get(name) ?? Buffer.alloc(0)
    const [kind, changed] = changeContent(name, content, draft, dice)
    out.set(name, changed.length === 0 ? Buffer.from("x") : changed)
    return `${name}: ${kind}`
}

function changeContent(name: string, content: Buffer, draft: Draft, dice: Dice): readonly [string, Buffer] {
    const at = dice.roll(content.length)
    switch (dice.roll(6)) {
        case 0:
            return ["cut off", content.subarray(0, at)]
        case 1: {
            const others = draft.records.flatMap(({ out }) => [...out].filter(([other]) => other.split("/")[0] === name.split("/")[0]))
            return ["another's", others.length === 0 ? content : dice.pick(others)[1]]
        }
        case 2:
            return [`byte ${at} inserted`, Buffer.concat([content.subarray(0, at), Buffer.from([dice.roll(256)]), content.subarray(at)])]
        case 3:
            if (name.startsWith("certificate/")) return changeCertificate(content, dice)
            return changeJson(content, dice)
        default: {
            const changed = Buffer.from(content)
            changed[at] = dice.roll(3) === 0 ? dice.roll(256) : (changed[at] ?? 0) ^ (1 << dice.roll(8))
            return [`byte ${at} is ${changed[at]}`, changed]
        }
    }
}

/** In its DER, and written well again. */
function changeCertificate(content: Buffer, dice: Dice): readonly [string, Buffer] {
    const der = Buffer.from(content.toString().replaceAll(/-----.*-----|\n/g, ""), "base64")
    const at = dice.roll(der.length)
    der[at] = (der[at] ?? 0) ^ (1 << dice.roll(8))
    const lines = der.toString("base64").match(/.{1,64}/g) ?? []
    return [`DER byte ${at}`, Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`)]
}

function changeJson(content: Buffer, dice: Dice): readonly [string, Buffer] {
    const text = content.toString()
    const numbers = [...text.matchAll(/"[^"]*"|\d+|null|false/g)]
    if (numbers.length === 0) return ["nothing", content]
    const { 0: found, index } = dice.pick(numbers)
    const other = dice.pick([
        '"x"',
        '""',
        "0",
        "1",
        "2",
        "null",
        "true",
        "1.0",
        "-0",
        "{}",
        "[]",
        '"\\u0041"',
        '"\\ud800"',
        "1e1",
        `"${"A".repeat(88)}"`,
    ])
    return [`${found} → ${other}`, Buffer.from(`${text.slice(0, index)}${other}${text.slice(index + found.length)}`)]
}

function changeClose(draft: Draft, dice: Dice): string {
    const statement: Loose = {
        [dice.pick(["ceremony", "closed", "head", "outcome", "plan", "records", "_type", "more"])]: dice.pick(VALUES),
    }
    draft.statement = statement
    return `close says ${JSON.stringify(statement)}`
}

function changeFile(bundle: Bundle, dice: Dice): string {
    const name = dice.pick([...bundle.keys()])
    const content = Buffer.from(bundle.get(name) ?? [])
    const at = dice.roll(content.length)
    content[at] = (content[at] ?? 0) ^ (1 << dice.roll(8))
    bundle.set(name, content)
    return `${name}: byte ${at}`
}
