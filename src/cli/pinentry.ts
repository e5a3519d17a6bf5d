import { Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Environment } from "./context.ts"
import { printable } from "./output.ts"
import type { Conversation, Terminal } from "./terminal.ts"

/** What a pinentry shows. Texts from devices are to be printable. */
export type PinentryQuestion = {
    readonly description: string
    readonly prompt: string
    /** Why it is asked again, or what is at stake; shown so that it stands out. */
    readonly error: string
    /** Instead of which it is asked. */
    readonly flags: string
}

/** Assuan: a line has at most 1000 bytes; an answer with every byte escaped comes in several. */
const MAX_LINE_BYTES = 1002
const MAX_PIN_BYTES = 1024
/** Of ours, so that a line stays one whatever a label holds. */
const MAX_TEXT_BYTES = 280

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const PERCENT = 0x25
const DATA = Buffer.from("D ")
/** The low half of a code; the upper one says which program it is from. gpg-error's GPG_ERR_CANCELED, FULLY_CANCELED, NOT_CONFIRMED. */
const DECLINED: ReadonlySet<number> = new Set([99, 198, 114])

/**
 * Ask in a program of GnuPG's pinentry family, found in the PATH or by its path: it has a window, or the terminal. What is typed comes
 * as bytes, which are wiped where they passed.
 *
 * @throws declined when it was closed, also by its end. usage: there is no such program. no_terminal: it can't ask here
 */
export async function askPinentry(terminal: Terminal, env: Environment, program: string, question: PinentryQuestion): Promise<Secret> {
    const conversation = await start(terminal, env, program)
    using dialogue = new Dialogue(conversation)
    try {
        await dialogue.read()
        for (const option of optionsFor(terminal, env)) await dialogue.say(`OPTION ${option}`)
        for (const [command, text] of [
            ["SETTITLE", "trustkey"],
            ["SETDESC", question.description],
            ["SETPROMPT", question.prompt],
            ...(question.error === "" ? [] : [["SETERROR", question.error] as const]),
        ] as const) {
            await dialogue.say(`${command} ${escapeText(text)}`)
        }
        const answer = await dialogue.say("GETPIN")
        if (answer.ok) return answer.pin()
        if (DECLINED.has(answer.code & 0xffff)) throw new TrustkeyError("declined", "the question was closed")
        throw new TrustkeyError("no_terminal", `${program} can't ask here (${printable(answer.text)}); use ${question.flags}`)
    } finally {
        conversation.end("BYE\n")
    }
}

async function start(terminal: Terminal, env: Environment, program: string): Promise<Conversation> {
    try {
        return await terminal.converse(program, [], env)
    } catch (error) {
        throw new TrustkeyError("usage", `there is no program ${program} to ask with`, { cause: error })
    }
}

function optionsFor({ ttyName }: Terminal, env: Environment): readonly string[] {
    const terminal = env["TERM"] ?? ""
    const characters = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "") ?? ""
    return [
        ...(ttyName === undefined ? [] : [`ttyname=${ttyName}`]),
        ...(terminal === "" ? [] : [`ttytype=${escapeText(terminal)}`]),
        ...(characters === "" ? [] : [`lc-ctype=${escapeText(characters)}`]),
    ]
}

/** A line stays one line, and a percent sign itself. */
export function escapeText(text: string): string {
    let bytes = Buffer.from(text, "utf8")
    // Not in the middle of a character.
    while (bytes.length > MAX_TEXT_BYTES) bytes = Buffer.from(bytes.toString("utf8").slice(0, -1), "utf8")
    return bytes
        .toString("utf8")
        .replaceAll(/[%\r\n]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`)
}

type Answer = { readonly ok: true; readonly pin: () => Secret } | { readonly ok: false; readonly code: number; readonly text: string }

/** Lines in, lines out. Every byte that came is wiped once it was looked at. */
class Dialogue implements Disposable {
    readonly #conversation: Conversation
    readonly #pieces: AsyncIterator<Buffer>
    #piece: Buffer = Buffer.alloc(0)
    #at = 0
    readonly #line = Buffer.alloc(MAX_LINE_BYTES)
    readonly #pin = Buffer.alloc(MAX_PIN_BYTES)
    #pinLength = 0

    constructor(conversation: Conversation) {
        this.#conversation = conversation
        this.#pieces = conversation.output[Symbol.asyncIterator]()
    }

    async say(command: string): Promise<Answer> {
        this.#conversation.write(`${command}\n`)
        return await this.read()
    }

    /** Up to OK or ERR; what stands between is data, status or a remark. */
    async read(): Promise<Answer> {
        for (;;) {
            const line = this.#line.subarray(0, await this.#readLine())
            try {
                if (startsWith(line, DATA)) this.#take(line.subarray(DATA.length))
                else if (startsWith(line, Buffer.from("OK"))) return { ok: true, pin: () => this.#takePin() }
                else if (startsWith(line, Buffer.from("ERR "))) return readError(line.toString("utf8"))
                // It asks about the quality of a new one, say, and is told that we don't know.
                else if (startsWith(line, Buffer.from("INQUIRE"))) this.#conversation.write("END\n")
            } finally {
                line.fill(0)
            }
        }
    }

    async #readLine(): Promise<number> {
        for (let length = 0; ; ) {
            while (this.#at < this.#piece.length) {
                const byte = this.#piece[this.#at] ?? 0
                this.#piece[this.#at] = 0
                this.#at += 1
                if (byte === LINE_FEED) return length
                if (length === this.#line.length) throw new TrustkeyError("internal", "the pinentry does not keep to its protocol")
                this.#line[length] = byte
                length += 1
            }
            const next = await this.#pieces.next()
            // Ctrl-C in a pinentry on the terminal ends it without a word.
            if (next.done === true) throw new TrustkeyError("declined", "the pinentry ended without an answer")
            this.#piece = next.value
            this.#at = 0
        }
    }

    /** Percent-decoded, byte by byte: no part of it becomes a string. */
    #take(escaped: Buffer): void {
        for (let at = 0; at < escaped.length; ) {
            const byte = escaped[at] ?? 0
            const decoded = byte === PERCENT ? hexByte(escaped[at + 1], escaped[at + 2]) : byte
            if (decoded === undefined || this.#pinLength === this.#pin.length)
                throw new TrustkeyError("internal", "the pinentry does not keep to its protocol")
            at += byte === PERCENT ? 3 : 1
            if (byte === CARRIAGE_RETURN && at === escaped.length) return
            this.#pin[this.#pinLength] = decoded
            this.#pinLength += 1
        }
    }

    #takePin(): Secret {
        if (this.#pinLength === 0) throw new TrustkeyError("declined", "nothing was typed")
        const bytes = Buffer.alloc(this.#pinLength)
        this.#pin.copy(bytes)
        return new Secret(bytes)
    }

    [Symbol.dispose](): void {
        this.#piece.fill(0)
        this.#line.fill(0)
        this.#pin.fill(0)
    }
}

function startsWith(line: Buffer, word: Buffer): boolean {
    return line.length >= word.length && line.subarray(0, word.length).equals(word)
}

function readError(line: string): Answer {
    const [, code = "0", text = ""] = /^ERR (\d{1,10})\s*(.*)$/.exec(line) ?? []
    return { ok: false, code: Number(code), text: text.slice(0, MAX_TEXT_BYTES) }
}

function hexByte(high: number | undefined, low: number | undefined): number | undefined {
    const [a, b] = [hexDigit(high), hexDigit(low)]
    return a === undefined || b === undefined ? undefined : a * 16 + b
}

function hexDigit(byte: number | undefined): number | undefined {
    if (byte === undefined) return undefined
    if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
    const letter = byte | 0x20
    return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined
}
