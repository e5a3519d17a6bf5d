/** The format is docs/formats/signer-frames.md. */

/** Body and header without the length word. A metadata body may have 8 MiB; twice that leaves room and bounds a peer's greed. */
export const MAX_FRAME = 16 * 1024 * 1024
/** u32 length, u8 kind, u32 id */
export const HEADER_LENGTH = 9
/** Request of kind sign: u32 handle, u8 scheme, then the message. */
export const SIGN_HEADER_LENGTH = 5

export const FRAME_KINDS = { control: 1, sign: 2, answer: 0x81, signature: 0x82, failure: 0x83, event: 0x84 } as const
export type FrameKind = (typeof FRAME_KINDS)[keyof typeof FRAME_KINDS]

export type Frame = { readonly kind: number; readonly id: number; readonly body: Buffer }

/** The peer does not keep to the protocol. Nothing after this can be trusted. */
export class FrameError extends Error {
    override readonly name = "FrameError"
}

/** One frame, ready to be written. @throws FrameError when it is over the limit */
export function encodeFrame(kind: FrameKind, id: number, body: Uint8Array): Buffer {
    const frame = allocateFrame(kind, id, body.length)
    frame.set(body, HEADER_LENGTH)
    return frame
}

export function encodeJsonFrame(kind: FrameKind, id: number, value: unknown): Buffer {
    return encodeFrame(kind, id, Buffer.from(JSON.stringify(value), "utf8"))
}

/** The hot request: built in one allocation, the message copied once. */
export function encodeSignFrame(id: number, handle: number, scheme: number, message: Uint8Array): Buffer {
    const frame = allocateFrame(FRAME_KINDS.sign, id, SIGN_HEADER_LENGTH + message.length)
    frame.writeUInt32BE(handle, HEADER_LENGTH)
    frame[HEADER_LENGTH + 4] = scheme
    frame.set(message, HEADER_LENGTH + SIGN_HEADER_LENGTH)
    return frame
}

function allocateFrame(kind: FrameKind, id: number, bodyLength: number): Buffer {
    const length = HEADER_LENGTH - 4 + bodyLength
    if (length > MAX_FRAME) throw new FrameError("frame is over the limit")
    const frame = Buffer.allocUnsafe(4 + length)
    frame.writeUInt32BE(length, 0)
    frame[4] = kind
    frame.writeUInt32BE(id, 5)
    return frame
}

/**
 * Cuts a byte stream into frames. Feed it what arrives; it keeps what is incomplete. A frame's body is a view of what was
 * fed and stays valid as long as the caller keeps it.
 */
export class FrameReader {
    readonly #kinds: ReadonlySet<number>
    #chunks: Buffer[] = []
    #length = 0
    #needed = HEADER_LENGTH

    /** @param kinds those this side may receive */
    constructor(kinds: readonly FrameKind[]) {
        this.#kinds = new Set(kinds)
    }

    /** @throws FrameError for an unknown kind or a length out of bounds, before the body is waited for */
    push(chunk: Buffer): Frame[] {
        this.#chunks.push(chunk)
        this.#length += chunk.length
        // A large frame arrives in many chunks: join them only once it is complete, or the copying grows with its square.
        if (this.#length < this.#needed) return []
        const [first = chunk] = this.#chunks
        const data = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
        const frames: Frame[] = []
        let offset = 0
        this.#needed = HEADER_LENGTH
        while (data.length - offset >= HEADER_LENGTH) {
            const length = data.readUInt32BE(offset)
            if (length < HEADER_LENGTH - 4 || length > MAX_FRAME) throw new FrameError("frame length is out of bounds")
            const kind = data.readUInt8(offset + 4)
            if (!this.#kinds.has(kind)) throw new FrameError("frame kind is unknown")
            if (data.length - offset < 4 + length) {
                this.#needed = 4 + length
                break
            }
            frames.push({ kind, id: data.readUInt32BE(offset + 5), body: data.subarray(offset + HEADER_LENGTH, offset + 4 + length) })
            offset += 4 + length
        }
        this.#chunks = offset === data.length ? [] : [data.subarray(offset)]
        this.#length = data.length - offset
        return frames
    }

    /** Nothing may be left when the stream ends. @throws FrameError */
    end(): void {
        if (this.#length > 0) throw new FrameError("the stream ended inside a frame")
    }
}
