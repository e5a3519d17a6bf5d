import { readFileSync } from "node:fs"
import path from "node:path"

/** What every token must do, one row each: the case, what is tried, and what is answered where nothing is said otherwise. */
export const CASES = {
    discovery: {
        tries: "the token is looked for by its URI, without a PIN",
        says: "found",
    },
    "one key": {
        tries: "a key is enrolled by the URI that the list of keys shows",
        says: "that key",
    },
    "no key": {
        tries: "a key is enrolled by an id that no key has",
        says: "`not_found`, those there listed",
    },
    "several keys": {
        tries: "a key is enrolled by a label that two keys have",
        says: "`object_ambiguous`, both listed",
    },
    "several tokens": {
        tries: "the token's URI fits two tokens",
        says: "`object_ambiguous`, both listed",
    },
    create: {
        tries: "we make a key on the token, on a card in slot 9c",
        says: "made, and signs",
    },
    import: {
        tries: "we bring a key from a file to the token, on a card to slot 9c",
        says: "imported, and signs",
    },
    "take over": {
        tries: "a key that the token's own tool brought there is enrolled",
        says: "imported, and signs",
    },
    "sign twice": {
        tries: "two signatures with one login, checked by node:crypto and openssl",
        says: "both verify",
    },
    "always authenticate": {
        tries: "two signatures with a key that wants the PIN for each",
        says: "PIN each time",
    },
    "wrong PIN": {
        tries: "a wrong PIN of the right length, then the right one",
        says: "`pin_incorrect`, one try",
    },
    "wrong length": {
        tries: "a PIN of a length that none can have",
        says: "`pin_incorrect`, no try",
    },
    "near lock": {
        tries: "the right PIN, when one more wrong one would block it",
        says: "`pin_final_try`, no try",
    },
    locked: {
        tries: "the right PIN, after too many wrong ones",
        says: "`pin_blocked`, no try",
    },
    removal: {
        tries: "it is taken away while signatures are made, and more are asked for",
        says: "`token_absent`",
    },
    return: {
        tries: "it comes back, and somebody logs in",
        says: "signs",
    },
    swap: {
        tries: "another token in the same place, with the same PIN and another key under the same id",
        says: "`token_changed`",
    },
    "stored PIN": {
        tries: "the same, with the PIN in a credential",
        says: "not told to the other token",
    },
    crash: {
        tries: "the module's process is killed with signatures under way",
        says: "`signer_unavailable`",
    },
    hang: {
        tries: "a call that does not come back",
        says: "`deadline_exceeded`",
    },
    respawn: {
        tries: "after a crash, and after a hang, somebody logs in",
        says: "signs",
    },
    backend: {
        tries: "the program that the module lives by ends, and starts again",
        says: "an error, then signs",
    },
    "two tokens": {
        tries: "two tokens sign at once",
        says: "each with its own key",
    },
} as const satisfies Record<string, { readonly tries: string; readonly says: string }>

export type CaseName = keyof typeof CASES

export const CASE_NAMES = Object.keys(CASES).filter((name): name is CaseName => name in CASES)

/** In the order of the columns. The first part is run each time, the second in the long form. */
export const EACH_RUN = ["SoftHSM", "ykcs11", "OpenSC", "NSS", "p11-kit remote"] as const
export const LONG_FORM = ["tpm2-pkcs11", "opencryptoki", "p11-kit proxy"] as const
export const MODULE_NAMES = [...EACH_RUN, ...LONG_FORM]
export type ModuleName = (typeof MODULE_NAMES)[number]

/** What a module answered in one case; `because` where it isn't what the contract expects by default. */
export type Cell = { readonly says: string; readonly because?: string }
export type Column = Readonly<Record<CaseName, Cell>>

export const MATRIX_FILE = path.resolve(import.meta.dirname, "../../../docs/tokens-matrix.md")
export const REWRITE = "npm run test:tokens -- --write"

const BEGIN = "<!-- begin: written by npm run test:tokens -- --write -->"
const END = "<!-- end -->"

/** The part of the document that the tests write. */
export function renderMatrix(columns: ReadonlyMap<ModuleName, Column>): string {
    const modules = MODULE_NAMES.filter((name) => columns.has(name))
    const reasons: string[] = []
    const rows = CASE_NAMES.map((name) => {
        const cells = modules.map((module) => {
            const cell = columns.get(module)?.[name] ?? { says: "" }
            if (cell.because === undefined) return cell.says
            const reason = `${cell.because}.`
            if (!reasons.includes(reason)) reasons.push(reason)
            return `${cell.says} [${reasons.indexOf(reason) + 1}]`
        })
        return line([`**${name}**`, CASES[name].tries, ...cells])
    })
    const head = [line(["", "what is tried", ...modules]), line(["---", "---", ...modules.map(() => "---")])]
    return [...head, ...rows, "", ...reasons.map((reason, index) => `${index + 1}. ${reason}`), ""].join("\n")
}

function line(cells: readonly string[]): string {
    return `| ${cells.join(" | ")} |`
}

/** The committed columns. A row or a column that is not of the contract is an error, and so is an empty cell. */
export function parseMatrix(markdown: string): Map<ModuleName, Column> {
    const lines = between(markdown).split("\n")
    const table = lines.filter((each) => each.startsWith("| ")).map((each) => each.slice(2, -2).split(" | "))
    const reasons = new Map(
        lines.flatMap((each) => {
            const match = /^(\d+)\. (.*)\.$/.exec(each)
            return match === null ? [] : [[match[1], match[2]] as const]
        }),
    )
    const [head = [], , ...rows] = table
    const names = rows.map(([name = ""]) => name.replaceAll("*", ""))
    if (names.join() !== CASE_NAMES.join()) throw new Error(`the rows are not the contract's cases: ${names.join(", ")}`)
    return new Map(
        head.slice(2).map((module, index) => [
            parseModuleName(module),
            parseColumn(
                rows.map((row) => row[index + 2] ?? ""),
                reasons,
            ),
        ]),
    )
}

function parseModuleName(text: string): ModuleName {
    const name = MODULE_NAMES.find((each) => each === text)
    if (name === undefined) throw new Error(`${text} is no module of the contract`)
    return name
}

function parseColumn(cells: readonly string[], reasons: ReadonlyMap<string | undefined, string | undefined>): Column {
    const column = Object.fromEntries(
        cells.map((text, index) => {
            const match = /^(.+?)(?: \[(\d+)\])?$/.exec(text.trim())
            if (match?.[1] === undefined) throw new Error(`${CASE_NAMES[index]}: the cell is empty`)
            const because = match[2] === undefined ? undefined : reasons.get(match[2])
            return [CASE_NAMES[index], { says: match[1], ...(because === undefined ? {} : { because }) }]
        }),
    )
    return column as Column
}

function between(markdown: string): string {
    const [begin, end] = [markdown.indexOf(BEGIN), markdown.indexOf(END)]
    if (begin < 0 || end < begin) throw new Error(`docs/tokens-matrix.md has no part between "${BEGIN}" and "${END}"`)
    return markdown.slice(begin + BEGIN.length, end)
}

/** `markdown` with these columns instead of the ones it has. */
export function replaceMatrix(markdown: string, columns: ReadonlyMap<ModuleName, Column>): string {
    return markdown.replace(between(markdown), () => `\n\n${renderMatrix(columns)}\n`)
}

export function readMatrix(): Map<ModuleName, Column> {
    return parseMatrix(readFileSync(MATRIX_FILE, "utf8"))
}
