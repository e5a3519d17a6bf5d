import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { inflateSync } from "node:zlib"
import { encodeQR } from "qr"
import { charactersOf, LARGEST_VERSION, pngOf, qrMatrix, terminalLines, widthOf } from "../../../src/cli/ceremony/qr-code.ts"

const BLACK_ON_WHITE = "\u001b[38;5;16;48;5;231m"
const RESET = "\u001b[0m"

describe("QR codes", () => {
    test("hold what the standard's table says, and not a character more", () => {
        for (let version = 1; version <= LARGEST_VERSION; version += 1) {
            const text = "A".repeat(charactersOf(version))
            assert.equal(qrMatrix(text).length, 17 + 4 * version)
            const options = { ecc: "medium", encoding: "alphanumeric", version } as const
            assert.throws(() => encodeQR(`${text}A`, "raw", options), /Capacity overflow/)
        }
        assert.throws(() => qrMatrix("A".repeat(charactersOf(LARGEST_VERSION) + 1)), RangeError)
    })

    test("are black on white in a terminal whatever its theme, two modules in a character, inside a quiet zone", () => {
        const matrix = qrMatrix("TKC1")
        const lines = terminalLines(matrix)
        assert.equal(lines.length, Math.ceil(widthOf(1) / 2))
        for (const line of lines) {
            assert.ok(line.startsWith(BLACK_ON_WHITE) && line.endsWith(RESET))
            assert.match(line.slice(BLACK_ON_WHITE.length, -RESET.length), /^ {4}[ \u2580\u2584\u2588]{21} {4}$/)
        }
        assert.match(lines[2] ?? "", / {4}\u2588\u2580{5}\u2588 /)
    })

    test("are a PNG of whole pixels", () => {
        const png = pngOf(qrMatrix("TKC1"), 3)
        assert.deepEqual(png.subarray(0, 8), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
        const width = 3 * widthOf(1)
        assert.equal(png.readUInt32BE(16), width)
        const length = png.readUInt32BE(33)
        const lines = inflateSync(png.subarray(41, 41 + length))
        assert.equal(lines.length, width * (1 + Math.ceil(width / 8)))
        // The upper left corner: white for the quiet zone, then the finder pattern's black.
        assert.equal(lines[1], 0xff)
        assert.equal(lines.readUInt16BE(12 * (1 + Math.ceil(width / 8)) + 2) & 0x0fff, 0)
    })
})
