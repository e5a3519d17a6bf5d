// BIP-173, as age writes recipients and identities. From bytes to bytes: an identity is a secret, and never becomes a string.

const LOWER = Buffer.from("qpzry9x8gf2tvdw0s3jn54khce6mua7l")
const UPPER = Buffer.from(LOWER.toString().toUpperCase())
const CHECKSUM_LENGTH = 6
const SEPARATOR = 0x31
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const

/** `prefix` says the case of the whole. The caller wipes what it gets, if that is a secret. */
export function encodeBech32(prefix: string, content: Uint8Array): Buffer {
    const digits = toDigits(content)
    const sum = checksum(checksum(checksum(1, prefixDigits(prefix)), digits), new Uint8Array(CHECKSUM_LENGTH)) ^ 1
    const alphabet = alphabetOf(prefix)
    const text = Buffer.alloc(prefix.length + 1 + digits.length + CHECKSUM_LENGTH)
    text.write(prefix, "latin1")
    text[prefix.length] = SEPARATOR
    for (const [index, digit] of digits.entries()) text[prefix.length + 1 + index] = alphabet[digit] ?? 0
    for (let index = 0; index < CHECKSUM_LENGTH; index += 1) text[text.length - 1 - index] = alphabet[(sum >>> (5 * index)) & 31] ?? 0
    digits.fill(0)
    return text
}

/** @returns undefined unless `text` is this prefix, in its case, with content of whole bytes and the checksum that goes with it */
export function decodeBech32(prefix: string, text: Uint8Array): Buffer | undefined {
    const start = prefix.length + 1
    if (text.length < start + CHECKSUM_LENGTH || text[prefix.length] !== SEPARATOR) return undefined
    if (!Buffer.from(prefix, "latin1").equals(text.subarray(0, prefix.length))) return undefined
    const alphabet = alphabetOf(prefix)
    const digits = Uint8Array.from(text.subarray(start), (byte) => alphabet.indexOf(byte) & 0xff)
    try {
        if (digits.some((digit) => digit > 31) || checksum(checksum(1, prefixDigits(prefix)), digits) !== 1) return undefined
        return toBytes(digits.subarray(0, digits.length - CHECKSUM_LENGTH))
    } finally {
        digits.fill(0)
    }
}

function alphabetOf(prefix: string): Buffer {
    return prefix === prefix.toLowerCase() ? LOWER : UPPER
}

function prefixDigits(prefix: string): Uint8Array {
    const codes = [...Buffer.from(prefix.toLowerCase(), "latin1")]
    return Uint8Array.from([...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)])
}

/** Goes on from `begun`. */
function checksum(begun: number, digits: Uint8Array): number {
    let sum = begun
    for (const digit of digits) {
        const top = sum >>> 25
        sum = ((sum & 0x1ffffff) << 5) ^ digit
        for (const [bit, term] of GENERATOR.entries()) if (((top >>> bit) & 1) === 1) sum ^= term
    }
    return sum
}

function toDigits(content: Uint8Array): Uint8Array {
    const digits = new Uint8Array(Math.ceil((content.length * 8) / 5))
    for (const [index] of digits.entries()) {
        const bit = index * 5
        const pair = ((content[bit >>> 3] ?? 0) << 8) | (content[(bit >>> 3) + 1] ?? 0)
        digits[index] = (pair >>> (11 - (bit & 7))) & 31
    }
    return digits
}

function toBytes(digits: Uint8Array): Buffer | undefined {
    const bytes = Buffer.alloc((digits.length * 5) >>> 3)
    let [collected, bits, length] = [0, 0, 0]
    for (const digit of digits) {
        collected = ((collected << 5) | digit) & 0xfff
        bits += 5
        if (bits < 8) continue
        bits -= 8
        bytes[length] = (collected >>> bits) & 0xff
        length += 1
    }
    // What is left over is padding: less than a digit, and zero.
    if (bits < 5 && (collected & ((1 << bits) - 1)) === 0) return bytes
    bytes.fill(0)
    return undefined
}
