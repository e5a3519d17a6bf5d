import { Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { Interrupted, type Terminal, type Tty } from "./terminal.ts"

/** Longer than any passphrase a person types. */
const MAX_SECRET_BYTES = 1024
const MAX_LINE_BYTES = 4096

const CTRL_C = 0x03
const CTRL_D = 0x04
const BACKSPACE = 0x08
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const CTRL_U = 0x15
const ESCAPE = 0x1b
const DELETE = 0x7f

/** Questions to the person at the terminal. `flag` in each is named when there is no terminal. */
export interface Prompts {
    /** @throws no_terminal; declined at end of input */
    line(question: string, flag: string): Promise<string>
    /** Without echo. @throws no_terminal; declined for an empty answer; Interrupted */
    secret(question: string, flag: string): Promise<Secret>
    /** [y/N]: only y and yes are yes. */
    confirm(question: string, flag: string): Promise<boolean>
    /** Whether there is a terminal at all. */
    readonly possible: boolean
    close(): void
}

export function openPrompts(terminal: Terminal): Prompts {
    return new TerminalPrompts(terminal)
}

class TerminalPrompts implements Prompts {
    readonly #terminal: Terminal
    #keyboard: Keyboard | undefined
    #looked = false

    constructor(terminal: Terminal) {
        this.#terminal = terminal
    }

    get possible(): boolean {
        return this.#open() !== undefined
    }

    async line(question: string, flag: string): Promise<string> {
        const keyboard = this.#need(question, flag)
        keyboard.show(question)
        return keyboard.readLine()
    }

    async secret(question: string, flag: string): Promise<Secret> {
        const keyboard = this.#need(question, flag)
        return keyboard.readSecret(question)
    }

    async confirm(question: string, flag: string): Promise<boolean> {
        const answer = await this.line(`${question} [y/N] `, flag)
        return /^y(es)?$/i.test(answer.trim())
    }

    close(): void {
        this.#keyboard?.close()
        this.#keyboard = undefined
    }

    #need(question: string, flag: string): Keyboard {
        const keyboard = this.#open()
        if (keyboard !== undefined) return keyboard
        const asked = question.replace(/(:| \[y\/N\])? *$/, "")
        throw new TrustkeyError("no_terminal", `there is no terminal to ask "${asked}"; use ${flag}`)
    }

    #open(): Keyboard | undefined {
        if (!this.#looked) {
            this.#looked = true
            const tty = this.#terminal.openTty()
            this.#keyboard = tty === undefined ? undefined : new Keyboard(tty)
        }
        return this.#keyboard
    }
}

/**
 * The keys a person presses, byte by byte. Secrets go from the terminal's chunks into a buffer of ours and are wiped in the
 * chunk at once; they never become a string.
 */
class Keyboard {
    readonly #tty: Tty
    readonly #waiting: number[] = []
    #ended = false
    #wake: (() => void) | undefined

    constructor(tty: Tty) {
        this.#tty = tty
        tty.input.on("data", (chunk: Buffer) => {
            this.#waiting.push(...chunk)
            chunk.fill(0)
            this.#wake?.()
        })
        const end = (): void => {
            this.#ended = true
            this.#wake?.()
        }
        tty.input.on("end", end)
        tty.input.on("close", end)
        tty.input.on("error", end)
        tty.input.pause()
    }

    show(text: string): void {
        this.#tty.output.write(text)
        this.#tty.asking = true
    }

    async readLine(): Promise<string> {
        try {
            const line = await this.#readToItsEnd()
            this.#tty.asking = false
            return line
        } finally {
            // The terminal has shown the end of a line that was typed. Nothing else ends one.
            if (this.#tty.asking) this.#tty.output.write("\n")
            this.#tty.asking = false
        }
    }

    async #readToItsEnd(): Promise<string> {
        const bytes: number[] = []
        for (;;) {
            const byte = await this.#next()
            if (byte === LINE_FEED || byte === CARRIAGE_RETURN) return Buffer.from(bytes).toString("utf8")
            if (byte === CTRL_C) throw new Interrupted()
            if (byte === undefined || byte === CTRL_D) throw new TrustkeyError("declined", "no answer was given")
            if (bytes.length >= MAX_LINE_BYTES) throw new TrustkeyError("invalid_request", "that answer is too long")
            bytes.push(byte)
        }
    }

    async readSecret(question: string): Promise<Secret> {
        const typed = Buffer.alloc(MAX_SECRET_BYTES)
        // First of all: whoever sees the question may type, and nothing of that is to be seen.
        this.#tty.input.setRawMode(true)
        try {
            this.show(question)
            const length = await this.#fill(typed)
            if (length === 0) throw new TrustkeyError("declined", "nothing was typed")
            return new Secret(Buffer.from(typed.subarray(0, length)))
        } finally {
            typed.fill(0)
            this.#tty.input.setRawMode(false)
            this.#tty.output.write("\n")
            this.#tty.asking = false
        }
    }

    /** Collect one line into `typed`, with the few editing keys a person uses blindly. */
    async #fill(typed: Buffer): Promise<number> {
        let length = 0
        for (;;) {
            const byte = await this.#next()
            if (byte === LINE_FEED || byte === CARRIAGE_RETURN) return length
            if (byte === CTRL_C) throw new Interrupted()
            if (byte === undefined || byte === CTRL_D) {
                if (byte === CTRL_D && length > 0) continue
                throw new TrustkeyError("declined", "no answer was given")
            }
            if (byte === BACKSPACE || byte === DELETE) length = withoutLastCharacter(typed, length)
            else if (byte === CTRL_U) length = 0
            else if (byte === ESCAPE) await this.#skipEscapeSequence()
            else if (byte >= 0x20) {
                if (length === typed.length) throw new TrustkeyError("invalid_request", `a secret has at most ${MAX_SECRET_BYTES} bytes`)
                typed[length] = byte
                length += 1
            }
        }
    }

    /** An arrow key sends ESC [ A: without this, "[A" would become part of the secret. */
    async #skipEscapeSequence(): Promise<void> {
        if (this.#waiting.length === 0) return
        const first = await this.#next()
        if (first !== 0x5b && first !== 0x4f) return
        for (;;) {
            const byte = await this.#next()
            if (byte === undefined || (byte >= 0x40 && byte <= 0x7e)) return
        }
    }

    async #next(): Promise<number | undefined> {
        while (this.#waiting.length === 0 && !this.#ended) {
            const { promise, resolve } = Promise.withResolvers<void>()
            this.#wake = resolve
            // Read only while somebody waits for an answer: a paused terminal does not keep the process alive.
            this.#tty.input.resume()
            await promise
            this.#wake = undefined
            this.#tty.input.pause()
        }
        return this.#waiting.shift()
    }

    close(): void {
        this.#waiting.fill(0)
        this.#waiting.length = 0
        this.#tty.close()
    }
}

function withoutLastCharacter(bytes: Buffer, length: number): number {
    let end = length
    // UTF-8: continuation bytes are 10xxxxxx.
    while (end > 0 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1
    const shorter = Math.max(0, end - 1)
    bytes.fill(0, shorter, length)
    return shorter
}
