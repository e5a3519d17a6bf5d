import type { Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Cli } from "./context.ts"
import type { Daemon, DaemonToken } from "./daemon-types.ts"
import { printable } from "./output.ts"
import type { PinOptions } from "./syntax.ts"

/** As far as the client can look: the token named, with the state it has now. @throws not_found */
export async function tokenNamed(daemon: Daemon, name: string): Promise<DaemonToken> {
    const token = (await daemon.listTokens()).find((candidate) => candidate.name === name)
    if (token === undefined) throw new TrustkeyError("not_found", `no token is called ${name}`)
    return token
}

/**
 * What a person would type a PIN for in vain, before it is typed.
 *
 * @throws token_absent, pin_blocked, pin_final_try
 */
export function requireTries({ name, state, tries }: DaemonToken, evenFinalTry: boolean): void {
    if (state === "absent") throw new TrustkeyError("token_absent", `token ${name} is not there`)
    if (state === "blocked" || tries === "blocked") throw new TrustkeyError("pin_blocked", `the PIN of token ${name} is blocked`)
    if (tries === "final" && !evenFinalTry)
        throw new TrustkeyError("pin_final_try", `token ${name} has one try left before its PIN is blocked; say so explicitly to use it`)
}

export type PinQuestion = {
    readonly token: DaemonToken
    /** "PIN", "new PIN", "PUK" … */
    readonly what: string
    /** The flags instead of which it is asked. */
    readonly flags: string
    /** Why it is asked again. */
    readonly error?: string
}

/** A person types it, on the terminal or in a pinentry, and is told for which token and what its flags say of the tries left. */
export async function askPin(cli: Cli, options: Pick<PinOptions, "pinentry">, question: PinQuestion): Promise<Secret> {
    const { what, flags, token, error = "" } = question
    const tries = what === "PIN" ? triesLeft(token) : ""
    const program = await pinentryOf(cli, options)
    const subject = `${what[0]?.toUpperCase()}${what.slice(1)} of token ${printable(token.name)}`
    if (program !== undefined) {
        const { askPinentry } = await import("./pinentry.ts")
        const description = [subject, nameOf(token)].filter((part) => part !== "").join("\n")
        const warning = error === "" ? tries : error
        return await askPinentry(cli.context.terminal, cli.context.env, program, { description, prompt: `${what}:`, error: warning, flags })
    }
    if (error !== "") cli.output.note(error)
    const facts = [nameOf(token), tries].filter((part) => part !== "").join("; ")
    return await (await cli.prompts()).secret(`${subject}${facts === "" ? "" : ` (${facts})`}: `, flags)
}

/** As the option says, else the files. */
async function pinentryOf(cli: Cli, { pinentry }: Pick<PinOptions, "pinentry">): Promise<string | undefined> {
    if (pinentry !== undefined) return pinentry === true ? "pinentry" : pinentry
    const { pinFiles } = await import("./client-files.ts")
    const { readPinentry } = await import("../publish/index.ts")
    return await readPinentry(pinFiles(cli))
}

/** What is printed on it, or what its software says. */
function nameOf({ label, serial }: DaemonToken): string {
    return [printable(label), serial === "" ? "" : `serial ${printable(serial)}`].filter((part) => part !== "").join(", ")
}

/** As far as PKCS#11 knows; empty when none is lost. */
export function triesLeft({ tries }: DaemonToken): string {
    if (tries === "low") return "few tries left"
    return tries === "final" ? "ONE try left, then it is blocked" : ""
}

/** Of a PIN that is chosen. */
const NEW_PIN_TRIES = 3

/** Typed twice; again when the two are not the same. @throws declined */
export async function askNewPin(cli: Cli, options: Pick<PinOptions, "pinentry">, token: DaemonToken, flags: string): Promise<Secret> {
    for (let attempt = 1; ; attempt += 1) {
        const error = attempt === 1 ? {} : { error: "The two are not the same. Please retry." }
        const first = await askPin(cli, options, { token, what: "new PIN", flags, ...error })
        using second = await askPin(cli, options, { token, what: "new PIN again", flags })
        if (first.equals(second)) return first
        first[Symbol.dispose]()
        if (attempt === NEW_PIN_TRIES) throw new TrustkeyError("declined", "the new PIN was typed differently each time")
    }
}
