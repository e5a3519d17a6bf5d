import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { decodeBase32, encodeBase32 } from "./base32.ts"

export const MAX_FRAMES = 400

const CHECK_BYTES = 4
const LONGEST_HEAD = headOf(MAX_FRAMES, MAX_FRAMES, "0".repeat(16)).length

const FRAME = /^TKC1:([1-9][0-9]{0,2})\/([1-9][0-9]{0,2}):([0-9A-F]{16}):([A-Z2-7]{1,4296})$/

/**
 * `whole` cut into frames of at most `characters` each, docs/formats/ceremony-frames.md.
 *
 * @throws payload_too_large when it takes more than 400
 */
export function splitFrames(whole: Uint8Array, characters: number): readonly string[] {
    const room = Math.floor(((characters - LONGEST_HEAD) * 5) / 8) - CHECK_BYTES
    const count = room < 1 ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(whole.length / room))
    if (count > MAX_FRAMES) {
        throw new TrustkeyError(
            "payload_too_large",
            `${whole.length} bytes take more than ${MAX_FRAMES} frames; let them travel on a stick`,
        )
    }
    const length = Math.max(1, Math.ceil(whole.length / count))
    // Of equal parts the last may be needless.
    const total = Math.max(1, Math.ceil(whole.length / length))
    const id = frameSetId(whole)
    return Array.from({ length: total }, (_, index) => {
        const head = headOf(index + 1, total, id)
        const part = whole.subarray(index * length, (index + 1) * length)
        return head + encodeBase32(Buffer.concat([part, checkOf(head, part)]))
    })
}

/** What a set of frames is called wherever it is shown: the first 16 hexadecimal digits of SHA-256 of the whole, capitals. */
export function frameSetId(whole: Uint8Array): string {
    return sha256(whole).toString("hex").slice(0, 16).toUpperCase()
}

function headOf(number: number, total: number, id: string): string {
    return `TKC1:${number}/${total}:${id}:`
}

function checkOf(head: string, part: Uint8Array): Buffer {
    return sha256(Buffer.concat([Buffer.from(head, "ascii"), part])).subarray(0, CHECK_BYTES)
}

/** How far a set is after one more frame. */
export type FrameProgress = {
    readonly number: number
    readonly total: number
    readonly isNew: boolean
    readonly missing: readonly number[]
}

/** The frames of one set as they are read, in any order. A frame that is refused changes nothing: reading goes on with the next. */
export class FrameSet {
    readonly #parts = new Map<number, Buffer>()
    #id: string | undefined
    #total = 0

    /** Undefined before the first frame. */
    get id(): string | undefined {
        return this.#id
    }

    get isComplete(): boolean {
        return this.#total > 0 && this.#parts.size === this.#total
    }

    /**
     * Take in what a scanner read: one line.
     *
     * @throws bundle_invalid naming the frame: torn, of another set, or with another content than was read before
     */
    add(line: string): FrameProgress {
        const { number, total, id, part } = parseFrame(line)
        if (this.#id !== undefined && (id !== this.#id || total !== this.#total)) {
            throw refused(
                `frame ${number} of ${total} is of another set, ${id}: the frames read so far are of ${this.#id}, ${this.#total} in all`,
            )
        }
        const known = this.#parts.get(number)
        if (known !== undefined && !known.equals(part)) throw refused(`frame ${number} of ${total} was read before, with another content`)
        this.#id = id
        this.#total = total
        this.#parts.set(number, part)
        return { number, total, isNew: known === undefined, missing: this.missing() }
    }

    /** Numbers of the frames not yet read. */
    missing(): readonly number[] {
        return Array.from({ length: this.#total }, (_, index) => index + 1).filter((number) => !this.#parts.has(number))
    }

    /** What was split. @throws bundle_invalid: frames are missing, or don't belong together */
    whole(): Buffer {
        const missing = this.missing()
        if (this.#total === 0) throw refused("no frame was read")
        if (missing.length > 0) throw refused(`of ${this.#total} frames these are missing: ${missing.join(", ")}`)
        const numbers = [...this.#parts.keys()].sort((left, right) => left - right)
        const whole = Buffer.concat(numbers.map((number) => this.#parts.get(number) ?? Buffer.alloc(0)))
        if (frameSetId(whole) !== this.#id)
            throw refused(`the ${this.#total} frames don't make up what was split: their hash is ${frameSetId(whole)}, not ${this.#id}`)
        return whole
    }
}

function parseFrame(line: string): { readonly number: number; readonly total: number; readonly id: string; readonly part: Buffer } {
    // zbarimg says what kind of code it read, unless it is told --raw.
    const text = line.trim().replace(/^QR-Code:/, "")
    const [, first = "", second = "", id = "", data = ""] = FRAME.exec(text) ?? []
    if (first === "") throw refused(whatElse(text))
    const [number, total] = [Number(first), Number(second)]
    if (number > total || total > MAX_FRAMES) throw refused(`there is no frame ${number} of ${total}`)
    const bytes = decodeBase32(data)
    const part = bytes?.subarray(0, -CHECK_BYTES)
    if (
        bytes === undefined ||
        part === undefined ||
        part.length === 0 ||
        !checkOf(headOf(number, total, id), part).equals(bytes.subarray(-CHECK_BYTES))
    ) {
        throw refused(`frame ${number} of ${total} is torn: it doesn't fit its own checksum; read it again`)
    }
    return { number, total, id, part }
}

function whatElse(text: string): string {
    const [, version] = /^TKC([0-9]{1,3}):/.exec(text) ?? []
    if (version !== undefined && version !== "1") return `a frame of version ${version}, which this program can't read`
    const [, number, total] = /^TKC1:([0-9]{1,3})\/([0-9]{1,3}):/.exec(text) ?? []
    if (number !== undefined) return `frame ${number} of ${total} is torn: a part of it is missing or no frame's; read it again`
    return "what was read is no frame of a ceremony"
}

function refused(message: string): TrustkeyError {
    return new TrustkeyError("bundle_invalid", message)
}
