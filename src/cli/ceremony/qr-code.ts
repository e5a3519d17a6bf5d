import { crc32, deflateSync } from "node:zlib"
import { encodeQR } from "qr"

/** A QR code, true for dark. Rows of equal length; the quiet zone is not in it. */
export type QrMatrix = readonly (readonly boolean[])[]

// ISO/IEC 18004, table 7: characters of the alphanumeric mode that a code of version 1, 2, … holds at error correction level M.
const CHARACTERS = [
    20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483, 528, 600, 656, 734, 816, 909, 970, 1035, 1134, 1248, 1326, 1451,
] as const

/** The largest version we make: beyond it cameras begin to fail on screens. */
export const LARGEST_VERSION = CHARACTERS.length

// ISO/IEC 18004, 6.3.8
const QUIET = 4

/** How many characters of the alphanumeric mode fit into a code. */
export function charactersOf(version: number): number {
    return CHARACTERS[version - 1] ?? 0
}

/** Modules on each side, with the quiet zone. */
export function widthOf(version: number): number {
    return 17 + 4 * version + 2 * QUIET
}

/** A code for `text`, which is of the alphanumeric mode, in the smallest version that holds it. @throws RangeError for a text too long */
export function qrMatrix(text: string): QrMatrix {
    const version = CHARACTERS.findIndex((characters) => text.length <= characters) + 1
    if (version === 0) throw new RangeError(`${text.length} characters don't fit into one code`)
    const bordered = encodeQR(text, "raw", { ecc: "medium", encoding: "alphanumeric", version, border: 1 })
    return bordered.slice(1, -1).map((row) => row.slice(1, -1))
}

// Black and white out of the 256 colours: themes change the first 16. This is no decoration, so it is there without colour too.
const BLACK_ON_WHITE = "\u001b[38;5;16;48;5;231m"
const RESET = "\u001b[0m"

/** For a terminal, two modules above each other in one character. */
export function terminalLines(matrix: QrMatrix): readonly string[] {
    const rows = withQuietZone(matrix)
    return Array.from({ length: Math.ceil(rows.length / 2) }, (_, line) => {
        const upper = rows[2 * line] ?? []
        const lower = rows[2 * line + 1]
        const cells = upper.map((dark, column) => cellOf(dark, lower?.[column] === true)).join("")
        return `${BLACK_ON_WHITE}${cells}${RESET}`
    })
}

function cellOf(upper: boolean, lower: boolean): string {
    if (upper) return lower ? "\u2588" : "\u2580"
    return lower ? "\u2584" : " "
}

function withQuietZone(matrix: QrMatrix): QrMatrix {
    const width = matrix.length + 2 * QUIET
    const quiet = Array.from({ length: QUIET }, () => Array.from({ length: width }, () => false))
    const side = Array.from({ length: QUIET }, () => false)
    return [...quiet, ...matrix.map((row) => [...side, ...row, ...side]), ...quiet]
}

const PNG_SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex")

/** A PNG (RFC 2083): one bit for a pixel, `scale` pixels for a module, with the quiet zone. */
export function pngOf(matrix: QrMatrix, scale = 8): Buffer {
    const rows = withQuietZone(matrix)
    const width = rows.length * scale
    const lines = rows.flatMap((row) => {
        // A line begins with its filter, 0: none.
        const line = Buffer.alloc(1 + Math.ceil(width / 8))
        for (let x = 0; x < width; x += 1) {
            if (row[Math.floor(x / scale)] !== true) line.writeUInt8((line[1 + (x >> 3)] ?? 0) | (0x80 >> (x & 7)), 1 + (x >> 3))
        }
        return Array.from({ length: scale }, () => line)
    })
    const header = Buffer.alloc(13)
    header.writeUInt32BE(width, 0)
    header.writeUInt32BE(width, 4)
    header.writeUInt8(1, 8)
    return Buffer.concat([
        PNG_SIGNATURE,
        pngChunk("IHDR", header),
        pngChunk("IDAT", deflateSync(Buffer.concat(lines), { level: 9 })),
        pngChunk("IEND", Buffer.alloc(0)),
    ])
}

function pngChunk(type: string, data: Buffer): Buffer {
    const typed = Buffer.concat([Buffer.from(type, "ascii"), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc32(typed), 4)
    return Buffer.concat([frame.subarray(0, 4), typed, frame.subarray(4)])
}
