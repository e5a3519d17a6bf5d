import { TrustkeyError } from "../errors.ts"

/**
 * Several byte strings as one that no other list of byte strings gives: each preceded by its length as u32 BE.
 * The first names the format and its version, so no two formats share a transcript.
 */
export function transcript(label: string, ...parts: readonly Uint8Array[]): Buffer {
    return Buffer.concat([utf8(label), ...parts].flatMap((part) => [u32(part.length), part]))
}

/** @throws invalid_request for half a surrogate pair, which would silently become U+FFFD */
export function utf8(text: string): Buffer {
    if (!text.isWellFormed()) throw new TrustkeyError("invalid_request", "a name is not well-formed Unicode")
    return Buffer.from(text, "utf8")
}

export function u32(value: number): Buffer {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
}
