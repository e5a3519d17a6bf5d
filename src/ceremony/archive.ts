import { gunzipSync, gzipSync } from "node:zlib"
import { TAR_BLOCK, TAR_END, tarClaims, tarHeader, tarPadding } from "../backup/index.ts"
import { TrustkeyError } from "../errors.ts"

/** The files of a bundle by their names, such as `plan.toml` and `artefacts/<sha256>`. */
export type ArchivedFiles = ReadonlyMap<string, Uint8Array>

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
        blocks.push(tarHeader(name, content.length, "644"), content, Buffer.alloc(tarPadding(content.length)))
    }
    const archive = Buffer.concat([...blocks, TAR_END])
    if (archive.length > MAX_ARCHIVE_BYTES) throw new TrustkeyError("payload_too_large", `a bundle has at most ${MAX_ARCHIVE_BYTES} bytes`)
    return archive
}

/** Takes names and sizes only; whoever calls compares with what writeArchive makes of them. */
function readArchive(archive: Buffer): Map<string, Buffer> {
    const files = new Map<string, Buffer>()
    let at = 0
    while (at + TAR_END.length < archive.length) {
        const claims = tarClaims(archive.subarray(at, at + TAR_BLOCK))
        if (claims === undefined || !NAME.test(claims.name))
            throw new TrustkeyError("bundle_invalid", `the archive has no file's header at ${at}`)
        const { name, size } = claims
        const end = at + TAR_BLOCK + size
        if (end > archive.length) throw new TrustkeyError("bundle_invalid", `${name} goes beyond the archive's end`)
        files.set(name, archive.subarray(at + TAR_BLOCK, end))
        at = end + tarPadding(size)
    }
    return files
}
