/** A command after chaining: its data are whole. */
export type Command = {
    readonly cla: number
    readonly ins: number
    readonly p1: number
    readonly p2: number
    readonly data: Buffer
    /** Sent in the extended form: the answer may be longer than 256 bytes. */
    readonly extended: boolean
}

/** ISO 7816-4 §5.6, and what Yubico's clients know. */
export const SW = {
    ok: 0x9000,
    wrongLength: 0x6700,
    securityStatus: 0x6982,
    blocked: 0x6983,
    conditions: 0x6985,
    wrongData: 0x6a80,
    notFound: 0x6a82,
    noSpace: 0x6a84,
    wrongParameters: 0x6a86,
    referenceNotFound: 0x6a88,
    noInstruction: 0x6d00,
    noClass: 0x6e00,
    failure: 0x6f00,
} as const

const CHAINING = 0x10
const GET_RESPONSE = 0xc0
/** More than the largest object and its head. */
const LARGEST_CHAIN = 4096
const SHORT_ANSWER = 256

export type Received = { readonly command: Command } | { readonly answer: Buffer }

/** Between reader and applet: puts chained commands together and hands out long answers in parts. */
export class Frames {
    #chain: { readonly head: string; readonly parts: Buffer[] } | undefined
    #pending = Buffer.alloc(0)

    /** Power was lost, or another applet selected. */
    forget(): void {
        this.#chain = undefined
        this.#pending = Buffer.alloc(0)
    }

    receive(bytes: Uint8Array): Received {
        const part = parseApdu(bytes)
        if (part === undefined) {
            this.forget()
            return { answer: statusOnly(SW.wrongLength) }
        }
        if (part.ins === GET_RESPONSE) return { answer: this.#more(part) }
        this.#pending = Buffer.alloc(0)
        const head = `${part.ins}/${part.p1}/${part.p2}`
        // A command of another kind ends a chain that was begun and never finished.
        const parts = this.#chain?.head === head ? this.#chain.parts : []
        this.#chain = undefined
        const data = Buffer.concat([...parts, part.data])
        if (data.length > LARGEST_CHAIN) return { answer: statusOnly(SW.wrongLength) }
        if ((part.cla & CHAINING) === 0) return { command: { ...part, data } }
        this.#chain = { head, parts: [...parts, part.data] }
        return { answer: statusOnly(SW.ok) }
    }

    /** The first part of an answer; the rest is fetched with GET RESPONSE. */
    answer(command: Command, data: Uint8Array, sw: number): Buffer {
        if (sw !== SW.ok) return statusOnly(sw)
        this.#pending = Buffer.from(data)
        return this.#take(command.extended)
    }

    #more(command: Command): Buffer {
        this.#chain = undefined
        if (this.#pending.length === 0) return statusOnly(SW.conditions)
        return this.#take(command.extended)
    }

    #take(whole: boolean): Buffer {
        const part = whole ? this.#pending : this.#pending.subarray(0, SHORT_ANSWER)
        const rest = this.#pending.subarray(part.length)
        this.#pending = Buffer.from(rest)
        // 61xx: xx more bytes, 00 for 256 and more.
        const sw = rest.length === 0 ? SW.ok : 0x6100 | (rest.length >= 256 ? 0 : rest.length)
        return Buffer.concat([part, statusOnly(sw)])
    }
}

export function statusOnly(sw: number): Buffer {
    return Buffer.from([sw >> 8, sw & 0xff])
}

/** ISO 7816-3 §12.1.3: the short and extended cases. Undefined if its lengths fit none of them. */
export function parseApdu(bytes: Uint8Array): Command | undefined {
    const [cla, ins, p1, p2, first] = bytes
    if (cla === undefined || ins === undefined || p1 === undefined || p2 === undefined) return undefined
    const made = (from: number, length: number, extended: boolean): Command => ({
        cla,
        ins,
        p1,
        p2,
        data: Buffer.from(bytes.subarray(from, from + length)),
        extended,
    })
    const total = bytes.length
    if (first === undefined || total === 5) return made(total, 0, false)
    if (first !== 0) return total === 5 + first || total === 6 + first ? made(5, first, false) : undefined
    const [high, low] = bytes.subarray(5)
    if (high === undefined || low === undefined) return undefined
    if (total === 7) return made(total, 0, true)
    const length = high * 256 + low
    return length > 0 && (total === 7 + length || total === 9 + length) ? made(7, length, true) : undefined
}

/** A short command, or its chain when the data are too long for one. */
export function encodeCommand(ins: number, p1: number, p2: number, data: Uint8Array = Buffer.alloc(0)): readonly Buffer[] {
    if (data.length === 0) return [Buffer.from([0, ins, p1, p2])]
    const parts: Buffer[] = []
    for (let at = 0; at < data.length; at += 255) {
        const part = data.subarray(at, at + 255)
        const cla = at + 255 < data.length ? CHAINING : 0
        parts.push(Buffer.concat([Buffer.from([cla, ins, p1, p2, part.length]), part]))
    }
    return parts
}
