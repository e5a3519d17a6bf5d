import { secretBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"

/** One element of BER-TLV, as cards write it and as DER in certificates has it. */
export type Tlv = { readonly tag: number; readonly value: Buffer }

/** What a card says doesn't hold together. */
export function malformed(how: string): TrustkeyError {
    return new TrustkeyError("token_failed", `the card's answer makes no sense: ${how}`)
}

export function encodeTlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
    const size = content.reduce((sum, { length }) => sum + length, 0)
    const head = Buffer.from([...bytesOf(tag), ...(size < 0x80 ? [size] : [0x80 | bytesOf(size).length, ...bytesOf(size)])])
    // Not Buffer.concat: its result could lie in the pool that all share, and some of this is secret.
    const element = secretBytes(head.length + size)
    let at = head.copy(element)
    for (const part of content) {
        element.set(part, at)
        at += part.length
    }
    return element
}

function bytesOf(value: number): number[] {
    return value < 0x100 ? [value] : [...bytesOf(Math.floor(value / 0x100)), value % 0x100]
}

/**
 * The elements that `bytes` are, one level deep. Tags of up to two bytes, lengths of up to three.
 *
 * @throws token_failed if they don't fill `bytes` exactly
 */
export function parseTlvs(bytes: Buffer): readonly Tlv[] {
    const elements: Tlv[] = []
    for (let at = 0; at < bytes.length; ) {
        const tagSize = ((bytes[at] ?? 0) & 0x1f) === 0x1f ? 2 : 1
        const [start, length] = readLength(bytes, at + tagSize)
        if (start + length > bytes.length) throw malformed("an element is cut off")
        elements.push({ tag: bytes.readUIntBE(at, tagSize), value: bytes.subarray(start, start + length) })
        at = start + length
    }
    return elements
}

function readLength(bytes: Buffer, at: number): readonly [start: number, length: number] {
    const first = bytes[at]
    if (first === undefined) throw malformed("an element is cut off")
    if (first < 0x80) return [at + 1, first]
    const count = first - 0x80
    if (count === 0 || count > 3 || at + 1 + count > bytes.length) throw malformed("a length is none")
    return [at + 1 + count, bytes.readUIntBE(at + 1, count)]
}

/** The value of the first element with this tag. */
export function findTlv(elements: readonly Tlv[], tag: number): Buffer | undefined {
    return elements.find((element) => element.tag === tag)?.value
}

/** `bytes` is one element with this tag, and nothing beside it. @throws token_failed */
export function onlyTlv(bytes: Buffer, tag: number): Buffer {
    const [element, ...others] = parseTlvs(bytes)
    if (element?.tag !== tag || others.length > 0) throw malformed("another element was expected")
    return element.value
}
