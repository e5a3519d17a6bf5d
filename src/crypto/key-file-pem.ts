import { Secret, secretBytes } from "./secret.ts"

/** A block of a PEM text whose content may be secret: it goes from byte to byte and never becomes a string. */
export type SecretPemBlock = {
    readonly label: string
    readonly headers: ReadonlyMap<string, string>
    readonly content: Secret
}

const BEGIN = /^-----BEGIN ([A-Z0-9]+(?: [A-Z0-9]+)*)-----$/
const LINE_FEED = 0x0a
const DASHES = Buffer.from("-----")
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const LONGEST_HEADER = 1024
// RFC 1421 §4.6; the names Notary writes are `role`, `gun` and `path`.
const HEADER = /^([A-Za-z0-9-]+):(.*)$/

const SPACES: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20])
const PADDING = 0x3d
const COLON = 0x3a

const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
const DIGITS = new Int8Array(256).fill(-1)
for (const [value, character] of ALPHABET.entries()) DIGITS[character] = value

// RFC 7468 §2
const PEM_COLUMNS = 64

type Line = { readonly start: number; readonly end: number; readonly next: number }

/**
 * Every block of `content` that `wanted` says yes to, by label, in order; text around them is skipped. Lines end in LF or CRLF.
 *
 * @throws Error
 */
export function readSecretPem(content: Buffer, wanted: (label: string) => boolean): readonly SecretPemBlock[] {
    const blocks: SecretPemBlock[] = []
    try {
        let at = content.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
        while (at < content.length) {
            const line = lineAt(content, at)
            at = line.next
            const label = beginLabel(content, line)
            if (label === undefined) continue
            const body = { start: at, end: endOf(content, at, label) }
            if (wanted(label)) blocks.push(readBlock(content, label, body.start, body.end))
            at = lineAt(content, body.end).next
        }
        return blocks
    } catch (error) {
        for (const { content: secret } of blocks) secret[Symbol.dispose]()
        throw error
    }
}

/** One block without headers, which OpenSSL would not read past. */
export function writeSecretPem(label: string, content: Secret): Secret {
    const [begin, end] = [Buffer.from(`-----BEGIN ${label}-----\n`), Buffer.from(`-----END ${label}-----\n`)]
    const digits = Math.ceil(content.length / 3) * 4
    const text = Buffer.alloc(begin.length + digits + Math.ceil(digits / PEM_COLUMNS) + end.length)
    begin.copy(text)
    let at = begin.length
    content.reveal((bytes) => {
        for (let digit = 0; digit < digits; digit += 1) {
            const bit = digit * 6
            const pair = ((bytes[bit >>> 3] ?? 0) << 8) | (bytes[(bit >>> 3) + 1] ?? 0)
            text[at] = bit >= bytes.length * 8 ? PADDING : (ALPHABET[(pair >>> (10 - (bit & 7))) & 63] ?? 0)
            at += 1
            if ((digit + 1) % PEM_COLUMNS !== 0 && digit + 1 < digits) continue
            text[at] = LINE_FEED
            at += 1
        }
    })
    end.copy(text, at)
    return new Secret(text)
}

function readBlock(content: Buffer, label: string, start: number, end: number): SecretPemBlock {
    const headers = new Map<string, string>()
    let at = start
    while (at < end) {
        const line = lineAt(content, at)
        // As Go reads it: a line with a colon is a header, since base64 has none.
        const colon = content.subarray(line.start, line.end).indexOf(COLON)
        if (colon === -1) break
        if (line.end - line.start > LONGEST_HEADER) throw new Error(`a header of the ${label} block is too long`)
        const [, name, value] = HEADER.exec(headerText(content.subarray(line.start, line.end), label)) ?? []
        if (name === undefined || value === undefined) throw new Error(`the ${label} block has a header that is none`)
        // Two readers must not see different ones.
        if (headers.has(name)) throw new Error(`the ${label} block has the header ${name} twice`)
        headers.set(name, value.trim())
        at = line.next
    }
    return { label, headers, content: decodeBase64(content.subarray(at, end), label) }
}

function headerText(bytes: Buffer, label: string): string {
    try {
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    } catch {
        throw new Error(`a header of the ${label} block is not UTF-8`)
    }
}

function lineAt(content: Buffer, start: number): Line {
    const feed = content.indexOf(LINE_FEED, start)
    const next = feed === -1 ? content.length : feed + 1
    let end = feed === -1 ? content.length : feed
    while (end > start && SPACES.has(content[end - 1] ?? 0)) end -= 1
    return { start, end, next }
}

function beginLabel(content: Buffer, { start, end }: Line): string | undefined {
    // Most lines are base64, perhaps of a secret: those are not looked at as text.
    if (end - start > LONGEST_HEADER || !content.subarray(start, start + DASHES.length).equals(DASHES)) return undefined
    return BEGIN.exec(content.toString("latin1", start, end))?.[1]
}

/** Where the line that ends the block begins. */
function endOf(content: Buffer, from: number, label: string): number {
    const wanted = Buffer.from(`-----END ${label}-----`)
    for (let at = from; at < content.length; ) {
        const line = lineAt(content, at)
        const bytes = content.subarray(line.start, line.end)
        if (bytes.equals(wanted)) return at
        if (bytes.subarray(0, DASHES.length).equals(DASHES)) break
        at = line.next
    }
    throw new Error(`the ${label} block has no end`)
}

function decodeBase64(text: Buffer, label: string): Secret {
    const bytes = secretBytes(Math.ceil((text.length * 3) / 4))
    let [length, digits, collected, padding] = [0, 0, 0, 0]
    for (const byte of text) {
        if (SPACES.has(byte)) continue
        const digit = DIGITS[byte] ?? -1
        if (byte === PADDING) padding += 1
        if ((digit === -1 && byte !== PADDING) || (digit !== -1 && padding > 0)) {
            bytes.fill(0)
            throw new Error(`the ${label} block is not base64`)
        }
        collected = ((collected << 6) | Math.max(digit, 0)) & 0xffffff
        digits += 1
        if (digits % 4 === 0) {
            bytes.writeUIntBE(collected, length, 3)
            length += 3
        }
    }
    const fits = digits > 0 && digits % 4 === 0 && padding <= 2
    const whole = secretBytes(fits ? length - padding : 0)
    bytes.copy(whole, 0, 0, whole.length)
    bytes.fill(0)
    if (!fits) throw new Error(`the ${label} block is not base64`)
    return new Secret(whole)
}
