import { type ErrorCode, TrustkeyError } from "../errors.ts"
import type { Challenge } from "./challenge.ts"
import { type HttpAnswer, HttpFailure } from "./exchange.ts"

/** Who we speak to, and under which codes their failures go. */
export type Party = {
    /** `the trust server localhost:4443`, to begin a sentence with */
    readonly name: string
    readonly unreachable: ErrorCode
    readonly refused: ErrorCode
    readonly failed: ErrorCode
}

export function trustServerParty(host: string): Party {
    return { name: `the trust server ${host}`, unreachable: "server_unreachable", refused: "server_refused", failed: "server_error" }
}

export function registryParty(host: string): Party {
    return {
        name: `the registry ${host}`,
        unreachable: "registry_unreachable",
        refused: "registry_refused",
        failed: "registry_unreachable",
    }
}

const MAX_MESSAGE = 300

/** What came of an exchange that brought no answer; other errors stay as they are. */
export function asRefusal(error: unknown, party: Party): unknown {
    if (!(error instanceof HttpFailure)) return error
    const broken = error.kind === "malformed" || error.kind === "too-long"
    return new TrustkeyError(broken ? party.failed : party.unreachable, `${party.name} ${error.message}`, { cause: error })
}

/** An answer that isn't the one hoped for, in our words and the server's. */
export function refusalOf(answer: HttpAnswer, party: Party): TrustkeyError {
    const said = serverMessage(answer)
    const message = said === "" ? `status ${answer.status}` : `status ${answer.status}: ${said}`
    if (answer.status === 401) return new TrustkeyError("login_needed", `${party.name} wants a login (${message}); use docker login`)
    if (answer.status >= 500) return new TrustkeyError(party.failed, `${party.name} failed (${message})`)
    return new TrustkeyError(party.refused, `${party.name} refused (${message})`)
}

/** The server's message, made fit for a terminal: printable ASCII, at most 300 characters. */
export function serverMessage(answer: HttpAnswer): string {
    const type = answer.headers["content-type"] ?? ""
    if (/^text\/plain\b/i.test(type)) return printable(answer.body.toString("utf8"))
    if (!/\bjson\b/i.test(type)) return ""
    try {
        return printable(parseErrors(JSON.parse(answer.body.toString("utf8"))).join("; "))
    } catch {
        return ""
    }
}

/** The codes in a Docker error document: `METADATA_NOT_FOUND`, `INVALID_GUN` … */
export function errorCodes(answer: HttpAnswer): readonly string[] {
    try {
        return parseErrorList(JSON.parse(answer.body.toString("utf8"))).flatMap(({ code }) => (typeof code === "string" ? [code] : []))
    } catch {
        return []
    }
}

/** notary-server hides the reason in `detail` (`{"Name":…,"Error":{"Msg":…}}`), registries say it in `message`. */
function parseErrors(document: unknown): string[] {
    return parseErrorList(document).map(({ code, message, detail }) => {
        const { Name: name, Error: inner } = parseFields(detail)
        const { Msg: reason } = parseFields(inner)
        return [code, message, name, reason].filter((part) => typeof part === "string" && part !== "").join(": ")
    })
}

function parseErrorList(document: unknown): Record<string, unknown>[] {
    const { errors } = parseFields(document)
    return Array.isArray(errors) ? errors.slice(0, 5).map(parseFields) : []
}

export function parseFields(value: unknown): Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

export function printable(text: string): string {
    const clean = text
        .slice(0, 4 * MAX_MESSAGE)
        .replaceAll(/\s+/g, " ")
        .replaceAll(/[^\x20-\x7e]/gu, "?")
        .trim()
    return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE - 3)}...` : clean
}

/** Bearer before Basic: a token is worth less than a password to whoever gets hold of it. */
export function bestChallenge(challenges: readonly Challenge[]): Challenge | undefined {
    return challenges.find(({ scheme }) => scheme === "bearer") ?? challenges.find(({ scheme }) => scheme === "basic")
}
