import { TrustkeyError } from "../errors.ts"

// https://c2sp.org/age, "ASCII armor": a strict subset of PEM. White space may stand around it, and lines may end in CR LF.

const BEGIN = /^[ \t\v\f\r]*-----BEGIN AGE ENCRYPTED FILE-----$/
const END = /^-----END AGE ENCRYPTED FILE-----[ \t\v\f\r]*$/
const BLANK = /^[ \t\v\f\r]*$/
const LEADING_BLANKS = /^[ \t\v\f\r]+/
const FULL_LINE = /^[A-Za-z0-9+/]{64}$/
const LAST_LINE = /^(?:[A-Za-z0-9+/]{4}){0,15}[A-Za-z0-9+/]{2}(?:[A-Za-z0-9+/]{2}|[A-Za-z0-9+/]=|==)$/
/** No line that we take is longer; what is longer comes to an end nowhere. */
const LONGEST_LINE = 1024

const DASH = 0x2d
const WHITE_SPACE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20])

/** The binary file that `source` is, or has in armor. @throws backup_invalid: something else than armor begins like it, or it goes on otherwise */
export async function* withoutArmor(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let begun = false
    let armor: Armor | undefined
    for await (const piece of source) {
        const [first] = piece
        if (first === undefined) continue
        // A binary file begins with a letter.
        if (!begun && (first === DASH || WHITE_SPACE.has(first))) armor = new Armor()
        begun = true
        yield armor === undefined ? piece : armor.take(piece)
    }
    if (armor !== undefined) yield armor.end()
}

type Place = "before" | "lines" | "last line" | "after"

class Armor {
    #place: Place = "before"
    #unfinished = ""

    take(piece: Uint8Array): Buffer {
        const lines = (this.#unfinished + Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString("latin1")).split("\n")
        const last = lines.pop() ?? ""
        const content = Buffer.concat(lines.map((line) => this.#line(line)))
        this.#unfinished = this.#place === "lines" || this.#place === "last line" ? last : last.replace(LEADING_BLANKS, "")
        if (this.#unfinished.length > LONGEST_LINE) throw broken()
        return content
    }

    end(): Buffer {
        const content = this.#line(this.#unfinished)
        if (this.#place !== "after") throw new TrustkeyError("backup_invalid", "the armor of the age file has no end: the file is cut off")
        return content
    }

    #line(line: string): Buffer {
        const text = line.endsWith("\r") ? line.slice(0, -1) : line
        if (this.#place === "before" || this.#place === "after") {
            if (this.#place === "before" && BEGIN.test(text)) this.#place = "lines"
            else if (!BLANK.test(text)) throw broken()
            return Buffer.alloc(0)
        }
        if (END.test(text)) {
            this.#place = "after"
            return Buffer.alloc(0)
        }
        if (this.#place === "last line" || !(FULL_LINE.test(text) || LAST_LINE.test(text))) throw broken()
        if (!FULL_LINE.test(text)) this.#place = "last line"
        const content = Buffer.from(text, "base64")
        // Bits that mean nothing are zero, or one file would have many forms.
        if (content.toString("base64") !== text) throw broken()
        return content
    }
}

function broken(): TrustkeyError {
    return new TrustkeyError("backup_invalid", "the armor of the age file is not in order")
}
