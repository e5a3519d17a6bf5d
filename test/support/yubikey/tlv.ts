/** One element: BER-TLV on the card's side, DER in certificates; both write lengths alike. */
export type Tlv = { readonly tag: number; readonly value: Buffer }

export class TlvError extends Error {
    override readonly name = "TlvError"
}

export function encodeTlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
    const value = Buffer.concat(content)
    return Buffer.concat([bigEndian(tag), lengthOf(value.length), value])
}

function lengthOf(length: number): Buffer {
    if (length < 0x80) return Buffer.from([length])
    const bytes = bigEndian(length)
    return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function bigEndian(value: number): Buffer {
    const hex = value.toString(16)
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex")
}

/**
 * All elements of `bytes`, one level deep. Tags have at most two bytes (7F49), lengths at most three.
 *
 * @throws TlvError if they don't fill `bytes` exactly
 */
export function parseTlvs(bytes: Uint8Array): readonly Tlv[] {
    const elements: Tlv[] = []
    let at = 0
    const next = (): number => {
        const byte = bytes[at]
        if (byte === undefined) throw new TlvError("ends inside an element's head")
        at += 1
        return byte
    }
    while (at < bytes.length) {
        let tag = next()
        if ((tag & 0x1f) === 0x1f) {
            const second = next()
            if (second >= 0x80) throw new TlvError("a tag of three bytes")
            tag = tag * 256 + second
        }
        let length = next()
        if (length >= 0x80) {
            const count = length & 0x7f
            if (count === 0 || count > 3) throw new TlvError("a length of an unknown form")
            length = 0
            for (let index = 0; index < count; index += 1) length = length * 256 + next()
        }
        if (at + length > bytes.length) throw new TlvError("ends inside an element")
        elements.push({ tag, value: Buffer.from(bytes.subarray(at, at + length)) })
        at += length
    }
    return elements
}

/** The value of the first element with this tag. */
export function findTlv(elements: readonly Tlv[], tag: number): Buffer | undefined {
    return elements.find((element) => element.tag === tag)?.value
}
