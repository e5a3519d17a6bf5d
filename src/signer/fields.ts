import { FrameError } from "./frames.ts"

/** The fields of a JSON message of the frame protocol. Whatever does not fit is a breach of protocol, not a mistake of a user. */
export class Fields {
    readonly #values: Readonly<Record<string, unknown>>

    constructor(value: unknown) {
        if (typeof value !== "object" || value === null || Array.isArray(value)) throw new FrameError("a message is not an object")
        this.#values = value as Readonly<Record<string, unknown>>
    }

    static parse(body: Buffer | string): Fields {
        try {
            return new Fields(JSON.parse(typeof body === "string" ? body : body.toString("utf8")))
        } catch {
            // Not the parser's message: it quotes what it read.
            throw new FrameError("a message is not a JSON object")
        }
    }

    has(name: string): boolean {
        return Object.hasOwn(this.#values, name) && this.#values[name] !== undefined && this.#values[name] !== null
    }

    names(): readonly string[] {
        return Object.keys(this.#values)
    }

    text(name: string): string {
        const value = this.#own(name)
        if (typeof value !== "string") throw new FrameError(`${name} is not a string`)
        return value
    }

    oneOf<T extends string>(name: string, choices: readonly T[]): T {
        const text = this.text(name)
        const choice = choices.find((known) => known === text)
        if (choice === undefined) throw new FrameError(`${name} has an unknown value`)
        return choice
    }

    /** A whole number from zero up to 2^53 - 1. */
    integer(name: string): number {
        const value = this.#own(name)
        if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new FrameError(`${name} is not a whole number`)
        return value
    }

    flag(name: string): boolean {
        const value = this.#own(name)
        if (typeof value !== "boolean") throw new FrameError(`${name} is not true or false`)
        return value
    }

    /** Binary travels as base64. */
    bytes(name: string): Buffer {
        const text = this.text(name)
        const bytes = Buffer.from(text, "base64")
        if (bytes.toString("base64") !== text) throw new FrameError(`${name} is not base64`)
        return bytes
    }

    fields(name: string): Fields {
        return new Fields(this.#own(name))
    }

    list(name: string): readonly Fields[] {
        const value = this.#own(name)
        if (!Array.isArray(value)) throw new FrameError(`${name} is not a list`)
        return value.map((entry) => new Fields(entry))
    }

    numbers(name: string): readonly number[] {
        const value = this.#own(name)
        if (!Array.isArray(value) || !value.every((entry) => typeof entry === "number"))
            throw new FrameError(`${name} is not a list of numbers`)
        return value
    }

    texts(name: string): readonly string[] {
        const value = this.#own(name)
        if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string"))
            throw new FrameError(`${name} is not a list of strings`)
        return value
    }

    #own(name: string): unknown {
        return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
    }
}

export function toBase64(bytes: Uint8Array): string {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}
