// DER of private keys, read in place: forge would keep every part of it as a string, which can't be wiped.

export const TAG = {
    integer: 0x02,
    bitString: 0x03,
    octetString: 0x04,
    oid: 0x06,
    sequence: 0x30,
    /** `[0]` and `[1]`, constructed */
    context0: 0xa0,
    context1: 0xa1,
    /** `[1] IMPLICIT` of something primitive */
    implicit1: 0x81,
} as const

// X.690 §8.1.3.5: 0x80 and the number of length bytes that follow. Four hold any length of a Buffer.
const MOST_LENGTH_BYTES = 4

/** The elements of one structure, one after the other. What it returns are views of the bytes it was given. */
export class DerReader {
    readonly #bytes: Buffer
    #at = 0

    constructor(bytes: Buffer) {
        this.#bytes = bytes
    }

    /** The structure that `bytes` are, to the last byte. @throws Error */
    static structure(bytes: Buffer): DerReader {
        const outer = new DerReader(bytes)
        const inner = new DerReader(outer.next(TAG.sequence))
        outer.end()
        return inner
    }

    /** The content of the next element. @throws Error when it is another, or not DER */
    next(tag: number): Buffer {
        const content = this.optional(tag)
        if (content === undefined) throw new Error("a part is missing")
        return content
    }

    /** The same, if it is there. @throws Error when it is not DER */
    optional(tag: number): Buffer | undefined {
        if (this.#bytes[this.#at] !== tag) return undefined
        const [start, length] = this.#length(this.#at + 1)
        if (start + length > this.#bytes.length) throw new Error("it is cut off")
        this.#at = start + length
        return this.#bytes.subarray(start, start + length)
    }

    /** A small INTEGER that is not negative. @throws Error */
    number(): number {
        const content = this.next(TAG.integer)
        if (content.length === 0 || content.length > 2 || (content[0] ?? 0) >= 0x80) throw new Error("a number is out of range")
        return content.readUIntBE(0, content.length)
    }

    /** The tag of what comes next. */
    get tag(): number | undefined {
        return this.#bytes[this.#at]
    }

    /** @throws Error when something is left */
    end(): void {
        if (this.#at !== this.#bytes.length) throw new Error("it has a part too many")
    }

    #length(at: number): readonly [start: number, length: number] {
        const first = this.#bytes[at]
        if (first === undefined) throw new Error("it is cut off")
        if (first < 0x80) return [at + 1, first]
        const count = first - 0x80
        if (count === 0 || count > MOST_LENGTH_BYTES || at + 1 + count > this.#bytes.length) throw new Error("it is not DER")
        const length = this.#bytes.readUIntBE(at + 1, count)
        if (length < 0x80 || (count > 1 && length < 2 ** (8 * (count - 1)))) throw new Error("it is not DER")
        return [at + 1 + count, length]
    }
}
