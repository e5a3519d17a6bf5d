import { canonicalize } from "./canonical.ts"
import { formatExpires } from "./expires.ts"
import { type Fields, type Purpose, quote, reject } from "./fields.ts"
import { fileMetasJson, readFileMetas } from "./file-meta.ts"
import type { Json } from "./json.ts"
import type { SnapshotDocument, TimestampDocument } from "./metadata.ts"
import { isRoleName } from "./role.ts"

/** Of snapshot and timestamp alike: both are a list of files. */
export const META_FIELDS = ["_type", "expires", "meta", "version"]

export function readSnapshot(fields: Fields, version: number, expires: Date, purpose: Purpose): SnapshotDocument {
    const meta = readFileMetas(fields.get("meta"), "snapshot meta", purpose)
    for (const name of ["root", "targets"]) {
        if (meta.get(name)?.hashes.has("sha256") !== true) reject("snapshot meta", `the sha256 of ${name} is missing`)
    }
    if (purpose === "sign") {
        for (const name of meta.keys()) {
            if (!isRoleName(name) || name === "snapshot" || name === "timestamp")
                reject("snapshot meta", `${quote(name)} has no place in it`)
        }
    }
    return { type: "snapshot", version, expires, meta }
}

export function readTimestamp(fields: Fields, version: number, expires: Date, purpose: Purpose): TimestampDocument {
    const meta = readFileMetas(fields.get("meta"), "timestamp meta", purpose)
    if (meta.get("snapshot")?.hashes.has("sha256") !== true) reject("timestamp meta", "the sha256 of snapshot is missing")
    if (purpose === "sign" && meta.size > 1) reject("timestamp meta", "lists more than the snapshot")
    return { type: "timestamp", version, expires, meta }
}

/** The canonical `signed` bytes. `expires` is cut to whole seconds. */
export function encodeSnapshot(document: SnapshotDocument): Buffer {
    return encodeMeta("Snapshot", document)
}

/** The canonical `signed` bytes. `expires` is cut to whole seconds. */
export function encodeTimestamp(document: TimestampDocument): Buffer {
    return encodeMeta("Timestamp", document)
}

function encodeMeta(type: string, document: SnapshotDocument | TimestampDocument): Buffer {
    return canonicalize(
        new Map<string, Json>([
            ["_type", type],
            ["expires", formatExpires(document.expires)],
            ["meta", fileMetasJson(document.meta)],
            ["version", document.version],
        ]),
    )
}
