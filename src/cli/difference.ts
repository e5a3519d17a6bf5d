import { spoken } from "../ceremony/index.ts"
import { printable } from "./output.ts"

/** What signing something would change, as it is shown before anybody signs. `code`: hex SHA-256, derived from all the rest. */
export type ShownDifference = {
    readonly gun: string
    readonly role: string
    readonly sentences: readonly string[]
    readonly code: string
}

/** A line for what it is, one for each change, and one with the code: whoever sees the same code on another machine sees the same lines there. */
export function differenceText({ gun, role, sentences, code }: ShownDifference): string {
    const changes = sentences.map((sentence) => `  ${printable(sentence)}`)
    return [`The next ${printable(role)} of ${printable(gun)}:`, ...changes, `Code  ${codeText(code)}`].join("\n")
}

/** A code, or the hash of a plan or a record, on one line: digits for the eye, words for the ear. */
export function codeText(sha256: string): string {
    const { hex, words } = spoken(sha256)
    return `${hex}   ${words}`
}
