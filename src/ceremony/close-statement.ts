import { TrustkeyError } from "../errors.ts"
import { canonicalize, type Json, parseJson } from "../tuf/index.ts"

const TYPE = "trustkey-ceremony-close"

export const OUTCOMES = ["complete", "abandoned"] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What vault and witness sign: docs/formats/ceremony-bundle.md, "The close". Hashes in hex. */
export type CloseStatement = {
    /** The plan's `id` */
    readonly ceremony: string
    /** RFC 3339, UTC, whole seconds */
    readonly closed: string
    /** Of the record that closes the transcript */
    readonly head: string
    readonly outcome: Outcome
    /** Hash of the plan */
    readonly plan: string
    readonly records: number
}

/** The bytes that are signed. No metadata begins so: its `_type` is a role's. */
export function encodeCloseStatement(statement: CloseStatement): Buffer {
    return canonicalize(closeStatementJson(statement))
}

export function closeStatementJson({ ceremony, closed, head, outcome, plan, records }: CloseStatement): Json {
    const members: Record<keyof CloseStatement | "_type", Json> = { _type: TYPE, ceremony, closed, head, outcome, plan, records }
    return new Map(Object.entries(members))
}

/** @throws bundle_invalid: not a close, or not written as one is written */
export function parseCloseStatement(bytes: Uint8Array): CloseStatement {
    const statement = readStatement(bytes)
    // Whatever else it could say, or say otherwise, is in the bytes as well.
    if (statement === undefined || !encodeCloseStatement(statement).equals(bytes))
        throw new TrustkeyError(
            "bundle_invalid",
            "what is to be signed is not the close of a ceremony, as docs/formats/ceremony-bundle.md has it",
        )
    return statement
}

function readStatement(bytes: Uint8Array): CloseStatement | undefined {
    const json = readObject(bytes)
    const text = (name: string, form: RegExp): string | undefined => {
        const value = json?.get(name)
        return typeof value === "string" && form.test(value) ? value : undefined
    }
    const ceremony = text("ceremony", /^[a-z0-9][a-z0-9-]{0,63}$/)
    const closed = text("closed", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const [head, plan] = [text("head", /^[0-9a-f]{64}$/), text("plan", /^[0-9a-f]{64}$/)]
    const outcome = OUTCOMES.find((candidate) => candidate === json?.get("outcome"))
    const records = json?.get("records")
    if (ceremony === undefined || closed === undefined || head === undefined || plan === undefined || outcome === undefined)
        return undefined
    return typeof records === "number" && records >= 1 ? { ceremony, closed, head, outcome, plan, records } : undefined
}

function readObject(bytes: Uint8Array): ReadonlyMap<string, Json> | undefined {
    try {
        const json = parseJson(bytes)
        return json instanceof Map ? json : undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return undefined
        throw error
    }
}
