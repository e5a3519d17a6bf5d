import { isUtf8 } from "node:buffer"
import { TrustkeyError } from "../errors.ts"

/** Objects are Maps: no key, `__proto__` included, means anything to the runtime. */
export type JsonObject = ReadonlyMap<string, Json>
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

export type JsonLimits = { readonly maxBytes?: number; readonly maxDepth?: number }

/** About 50,000 tags. */
export const MAX_SIGNED_BYTES = 8 * 1024 * 1024
const MAX_DEPTH = 32
// 50,000 tags are some 300,000. Without a limit 8 MiB of "{},{}," would take half a gigabyte and seconds.
const MAX_VALUES = 1_000_000

/**
 * Parse JSON that means one thing only, whoever reads it. RFC 8259, and further refused: a key given twice, numbers that are not whole or
 * not within ±(2^53-1) or written otherwise than as an integer (`1.0`, `1e3`, `-0`), lone surrogates in `\u` escapes (Go replaces them by
 * U+FFFD, so two readers would see two names), invalid UTF-8, a byte order mark, anything after the value, nesting deeper than
 * `maxDepth` (32), more than `maxBytes` (8 MiB), more than a million values.
 *
 * @throws payload_too_large for `maxBytes`, metadata_rejected for everything else.
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits = {}): Json {
    const maxBytes = limits.maxBytes ?? MAX_SIGNED_BYTES
    if (bytes.length > maxBytes) {
        throw new TrustkeyError("payload_too_large", `${bytes.length} bytes are more than the ${maxBytes} allowed`)
    }
    if (!isUtf8(bytes)) throw new TrustkeyError("metadata_rejected", "not valid JSON: the text is not UTF-8")
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const text = buffer.toString("utf8")
    const maxDepth = limits.maxDepth ?? MAX_DEPTH
    return parseUnambiguous(buffer, text, maxDepth) ?? new JsonParser(text, hasControlCharacters(buffer), maxDepth).document()
}

// Beyond, a hostile text would have the runtime build all its values before anybody counts them.
const MAX_UNAMBIGUOUS = 64 * 1024

/**
 * By the runtime's parser, four times as fast without a JIT, if that parser can't have been lax: a text that its value gives back to the letter
 * has no key twice (one would be missing), no number written in two ways and no space; without a backslash there is no escape either.
 *
 * @returns undefined for every other text, null included: the strict parser decides, and says what is wrong
 */
function parseUnambiguous(buffer: Buffer, text: string, maxDepth: number): Json | undefined {
    if (buffer.length > MAX_UNAMBIGUOUS || buffer.includes(BACKSLASH)) return undefined
    let value: unknown
    try {
        value = JSON.parse(text)
        if (JSON.stringify(value) !== text) return undefined
    } catch {
        return undefined
    }
    return fromRuntime(value, maxDepth)
}

/** What the runtime's parser built, as our kind of value. Undefined: it is nested too deeply, or a number is no safe integer. */
function fromRuntime(value: unknown, depthLeft: number): Json | undefined {
    if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined
    if (typeof value === "string" || typeof value === "boolean" || value === null) return value
    if (depthLeft === 0) return undefined
    if (Array.isArray(value)) {
        const array: Json[] = []
        for (const element of value) {
            const converted = fromRuntime(element, depthLeft - 1)
            if (converted === undefined) return undefined
            array.push(converted)
        }
        return array
    }
    if (typeof value !== "object") return undefined
    const object = new Map<string, Json>()
    for (const [key, member] of Object.entries(value)) {
        const converted = fromRuntime(member, depthLeft - 1)
        if (converted === undefined) return undefined
        object.set(key, converted)
    }
    return object
}

/** Whether a byte below 0x20 occurs: 32 native searches take a tenth of one scan in the interpreter (the daemon runs without a JIT). */
export function hasControlCharacters(bytes: Buffer): boolean {
    for (let code = 0; code < 0x20; code++) {
        if (bytes.includes(code)) return true
    }
    return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const CONTROL = /[\u0000-\u001f]/

/**
 * Strings, nearly all of the text, are found with indexOf and cut out whole, so the time goes with the number of tokens and not of characters.
 */
class JsonParser {
    readonly #text: string
    readonly #hasControls: boolean
    readonly #maxDepth: number
    #at = 0
    #values = 0
    /** Where the next backslash is, searched for only when passed: no backslash before the closing quote means no escapes. */
    #nextBackslash = -1

    constructor(text: string, hasControls: boolean, maxDepth: number) {
        this.#text = text
        this.#hasControls = hasControls
        this.#maxDepth = maxDepth
    }

    document(): Json {
        if (this.#text.startsWith("\ufeff")) this.#reject("a byte order mark")
        this.#skipSpace()
        const value = this.#value(0)
        this.#skipSpace()
        if (this.#at < this.#text.length) this.#reject("something after the end of the value")
        return value
    }

    #value(depth: number): Json {
        if (++this.#values > MAX_VALUES) this.#reject(`more than ${MAX_VALUES} values`)
        switch (this.#text[this.#at]) {
            case "{":
                return this.#object(depth + 1)
            case "[":
                return this.#array(depth + 1)
            case '"':
                return this.#string()
            case "t":
                return this.#literal("true", true)
            case "f":
                return this.#literal("false", false)
            case "n":
                return this.#literal("null", null)
            case undefined:
                return this.#reject("the text ends too early")
            default:
                return this.#number()
        }
    }

    #object(depth: number): JsonObject {
        if (depth > this.#maxDepth) this.#reject(`nested deeper than ${this.#maxDepth}`)
        const object = new Map<string, Json>()
        this.#at++
        this.#skipSpace()
        if (this.#take("}")) return object
        for (;;) {
            if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#reject("a key was expected")
            const key = this.#string()
            this.#skipSpace()
            if (!this.#take(":")) this.#reject("':' was expected")
            this.#skipSpace()
            const value = this.#value(depth)
            const size = object.size
            object.set(key, value)
            if (object.size === size) this.#reject("a key is given twice")
            this.#skipSpace()
            if (this.#take("}")) return object
            if (!this.#take(",")) this.#reject("',' or '}' was expected")
            this.#skipSpace()
        }
    }

    #array(depth: number): readonly Json[] {
        if (depth > this.#maxDepth) this.#reject(`nested deeper than ${this.#maxDepth}`)
        const array: Json[] = []
        this.#at++
        this.#skipSpace()
        if (this.#take("]")) return array
        for (;;) {
            array.push(this.#value(depth))
            this.#skipSpace()
            if (this.#take("]")) return array
            if (!this.#take(",")) this.#reject("',' or ']' was expected")
            this.#skipSpace()
        }
    }

    #string(): string {
        const text = this.#text
        const start = this.#at + 1
        let end = text.indexOf('"', start)
        if (end < 0) this.#reject("a string is not closed")
        if (this.#nextBackslash < start) {
            const found = text.indexOf("\\", start)
            this.#nextBackslash = found < 0 ? text.length : found
        }
        if (this.#nextBackslash > end) {
            const plain = text.slice(start, end)
            if (this.#hasControls && CONTROL.test(plain)) this.#reject("a control character in a string")
            this.#at = end + 1
            return plain
        }
        while (isEscaped(text, end, start)) {
            end = text.indexOf('"', end + 1)
            if (end < 0) this.#reject("a string is not closed")
        }
        const string = this.#unescape(text.slice(this.#at, end + 1))
        this.#at = end + 1
        return string
    }

    #unescape(quoted: string): string {
        let string: unknown
        try {
            // One string literal, for its escapes: nothing JSON.parse is lax about can occur in it but lone surrogates.
            string = JSON.parse(quoted)
        } catch {
            return this.#reject("a string has an escape or a character JSON does not know")
        }
        if (typeof string !== "string" || !string.isWellFormed()) return this.#reject("a string has half of a surrogate pair")
        return string
    }

    #number(): number {
        const text = this.#text
        const start = this.#at
        let end = start
        if (text.charCodeAt(end) === MINUS) end++
        const digits = end
        while (text.charCodeAt(end) >= ZERO && text.charCodeAt(end) <= NINE) end++
        if (end === digits) return this.#reject("a value was expected")
        if (text.charCodeAt(digits) === ZERO && end > digits + 1) return this.#reject("a number begins with 0")
        // Canonical JSON has integers only, and every reader holds them in a double.
        if (text[end] === "." || text[end] === "e" || text[end] === "E") return this.#reject("a number is not written as an integer")
        const number = Number(text.slice(start, end))
        if (Object.is(number, -0)) return this.#reject("a number is -0")
        if (!Number.isSafeInteger(number)) return this.#reject("a number is beyond ±(2^53-1)")
        this.#at = end
        return number
    }

    #literal<T>(word: string, value: T): T {
        if (!this.#text.startsWith(word, this.#at)) return this.#reject("a value was expected")
        this.#at += word.length
        return value
    }

    #take(character: string): boolean {
        if (this.#text[this.#at] !== character) return false
        this.#at++
        return true
    }

    #skipSpace(): void {
        for (;;) {
            const code = this.#text.charCodeAt(this.#at)
            if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
            this.#at++
        }
    }

    #reject(problem: string): never {
        throw new TrustkeyError("metadata_rejected", `not valid JSON for metadata: ${problem}, at character ${this.#at}`)
    }
}

/** Whether an odd number of backslashes stands before `index`. */
function isEscaped(text: string, index: number, start: number): boolean {
    let before = index
    while (before > start && text.charCodeAt(before - 1) === BACKSLASH) before--
    return (index - before) % 2 === 1
}
