import { gunzipSync, gzipSync } from "node:zlib"
import { TrustkeyError } from "../errors.ts"

/** The files of a bundle by their names, such as `plan.toml` and `artefacts/<sha256>`. */
export type ArchivedFiles = ReadonlyMap<string, Uint8Array>

const BLOCK = 512
const MAX_ARCHIVE_BYTES = 8 * 1024 * 1024
const MAX_FILES = 4100

// Names of a bundle and no others: whatever is unpacked stays where it is put.
const NAME = /^(?:[a-z]{1,32}\.[a-z]{1,8}|artefacts\/[0-9a-f]{64})$/

/**
 * A bundle's files as one run of bytes, docs/formats/ceremony-frames.md, "The whole": a tar archive, gzipped.
 *
 * @throws bundle_invalid for a name that no bundle has
 * @throws payload_too_large
 */
export function packArchive(files: ArchivedFiles): Buffer {
    return gzipSync(writeArchive(files), { level: 9 })
}

/**
 * What packArchive made, wherever it was compressed.
 *
 * @throws bundle_invalid
 */
export function unpackArchive(whole: Uint8Array): Map<string, Buffer> {
    const archive = decompress(whole)
    const files = readArchive(archive)
    // There is one archive for these files: no field of a header, no order and no padding is left to choose.
    if (!writeArchive(files).equals(archive)) throw new TrustkeyError("bundle_invalid", "the archive is not the one that its files make")
    return files
}

function decompress(whole: Uint8Array): Buffer {
    try {
        return gunzipSync(whole, { maxOutputLength: MAX_ARCHIVE_BYTES })
    } catch (error) {
        throw new TrustkeyError("bundle_invalid", `the archive can't be decompressed, or is over ${MAX_ARCHIVE_BYTES} bytes`, {
            cause: error,
        })
    }
}

function writeArchive(files: ArchivedFiles): Buffer {
    if (files.size > MAX_FILES) throw new TrustkeyError("payload_too_large", `a bundle has at most ${MAX_FILES} files`)
    const blocks: Uint8Array[] = []
    for (const [name, content] of [...files].sort(([left], [right]) => (left < right ? -1 : 1))) {
        if (!NAME.test(name)) throw new TrustkeyError("bundle_invalid", `no file of a bundle has the name ${JSON.stringify(name)}`)
        blocks.push(headerOf(name, content.length), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK))
    }
    const archive = Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
    if (archive.length > MAX_ARCHIVE_BYTES) throw new TrustkeyError("payload_too_large", `a bundle has at most ${MAX_ARCHIVE_BYTES} bytes`)
    return archive
}

/** POSIX.1-1988, ustar: numbers are octal digits and a NUL. */
function headerOf(name: string, size: number): Buffer {
    const header = Buffer.alloc(BLOCK)
    header.write(name, 0, "ascii")
    header.write("0000644\u00000000000\u00000000000\u0000", 100, "ascii")
    header.write(`${octal(size, 11)}\u0000${octal(0, 11)}\u0000`, 124, "ascii")
    header.write("0", 156, "ascii")
    header.write("ustar\u000000", 257, "ascii")
    // The checksum is taken as if spaces stood in its place.
    header.fill(" ", 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${octal(sum, 6)}\u0000 `, 148, "ascii")
    return header
}

function octal(value: number, digits: number): string {
    return value.toString(8).padStart(digits, "0")
}

/** Takes names and sizes only; whoever calls compares with what writeArchive makes of them. */
function readArchive(archive: Buffer): Map<string, Buffer> {
    const files = new Map<string, Buffer>()
    let at = 0
    while (at + 2 * BLOCK < archive.length) {
        const name = archive.toString("latin1", at, at + 100).replace(/\0+$/, "")
        const digits = archive.toString("latin1", at + 124, at + 135)
        if (!NAME.test(name) || !/^[0-7]{11}$/.test(digits))
            throw new TrustkeyError("bundle_invalid", `the archive has no file's header at ${at}`)
        const end = at + BLOCK + Number.parseInt(digits, 8)
        if (end > archive.length) throw new TrustkeyError("bundle_invalid", `${name} goes beyond the archive's end`)
        files.set(name, archive.subarray(at + BLOCK, end))
        at = Math.ceil(end / BLOCK) * BLOCK
    }
    return files
}
