import { TrustkeyError } from "../errors.ts"

export const TAR_BLOCK = 512

/** What ends an archive: two empty blocks. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK)

const NAME_LENGTH = 100
const SIZE_AT = 124
const SIZE_DIGITS = 11
const CHECKSUM_AT = 148

/** `644`: what is in it is for everybody; `600`: it holds, or may hold, what opens a key. */
export type TarMode = "600" | "644"

/**
 * The header of one file. POSIX.1-1988, ustar: numbers are octal digits and a NUL. Only name, size and mode are said: no owner, no time, no link and
 * no other kind of file, so a reader that makes the header again and compares leaves no field to whoever wrote it.
 *
 * @param name ASCII, at most 100 characters
 */
export function tarHeader(name: string, size: number, mode: TarMode): Buffer {
    if (Buffer.byteLength(name) > NAME_LENGTH || size >= 8 ** SIZE_DIGITS)
        throw new TrustkeyError("internal", "no header has room for this")
    const header = Buffer.alloc(TAR_BLOCK)
    header.write(name, 0, "ascii")
    header.write(`0000${mode}\u00000000000\u00000000000\u0000`, NAME_LENGTH, "ascii")
    header.write(`${octal(size, SIZE_DIGITS)}\u0000${octal(0, SIZE_DIGITS)}\u0000`, SIZE_AT, "ascii")
    header.write("0", 156, "ascii")
    header.write("ustar\u000000", 257, "ascii")
    // The checksum is taken as if spaces stood in its place.
    header.fill(" ", CHECKSUM_AT, CHECKSUM_AT + 8)
    let sum = 0
    for (const byte of header) sum += byte
    header.write(`${octal(sum, 6)}\u0000 `, CHECKSUM_AT, "ascii")
    return header
}

/** Name and size a header claims; whoever calls compares it with the one that `tarHeader` makes of them. @returns undefined: it claims neither */
export function tarClaims(header: Buffer): { readonly name: string; readonly size: number } | undefined {
    const end = header.indexOf(0)
    const name = header.toString("latin1", 0, end < 0 || end > NAME_LENGTH ? NAME_LENGTH : end)
    const digits = header.toString("latin1", SIZE_AT, SIZE_AT + SIZE_DIGITS)
    return name !== "" && /^[0-7]{11}$/.test(digits) ? { name, size: Number.parseInt(digits, 8) } : undefined
}

/** How many empty bytes fill the last block of a file of this size. */
export function tarPadding(size: number): number {
    return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK
}

function octal(value: number, digits: number): string {
    return value.toString(8).padStart(digits, "0")
}
