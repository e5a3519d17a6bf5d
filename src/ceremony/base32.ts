// RFC 4648 §6. The letters are of QR's alphanumeric mode, and none looks like 0, 1 or 8.
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

/** Without padding. */
export function encodeBase32(bytes: Uint8Array): string {
    let text = ""
    let buffer = 0
    let bits = 0
    for (const byte of bytes) {
        buffer = (buffer << 8) | byte
        for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(buffer >>> (bits - 5)) & 31]
        buffer &= 0xff
    }
    if (bits > 0) text += ALPHABET[(buffer << (5 - bits)) & 31]
    return text
}

/** Undefined for what encodeBase32 never makes: another letter, a length that holds no whole bytes, bits left over. */
export function decodeBase32(text: string): Buffer | undefined {
    const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8))
    let buffer = 0
    let bits = 0
    let at = 0
    for (const letter of text) {
        const value = ALPHABET.indexOf(letter)
        if (value === -1) return undefined
        buffer = ((buffer << 5) | value) & 0xfff
        bits += 5
        if (bits >= 8) {
            bits -= 8
            bytes[at] = (buffer >>> bits) & 0xff
            at += 1
        }
    }
    return bits < 5 && (buffer & ((1 << bits) - 1)) === 0 ? bytes : undefined
}
