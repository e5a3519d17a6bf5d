import { sha256, sha512 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { Fields, type Purpose, quote, reject, toBytes, toInteger, toObject } from "./fields.ts"
import type { Json } from "./json.ts"
import type { FileMeta } from "./metadata.ts"
import type { RoleName } from "./role.ts"

const HASH_LENGTHS: ReadonlyMap<string, number> = new Map([
    ["sha256", 32],
    ["sha512", 64],
])

export function readFileMetas(value: Json | undefined, where: string, purpose: Purpose): ReadonlyMap<string, FileMeta> {
    const metas = new Map<string, FileMeta>()
    if (value === undefined) return metas
    for (const [name, json] of toObject(value, where)) metas.set(name, readFileMeta(json, `${where} ${quote(name)}`, purpose))
    return metas
}

function readFileMeta(value: Json, where: string, purpose: Purpose): FileMeta {
    const fields = new Fields(value, where, purpose, ["custom", "hashes", "length"])
    const hashes = new Map<string, Uint8Array>()
    for (const [algorithm, json] of toObject(fields.get("hashes"), `${where} hashes`)) {
        const length = HASH_LENGTHS.get(algorithm)
        if (length === undefined) {
            if (purpose === "sign") reject(where, `the hash ${quote(algorithm)} is neither sha256 nor sha512`)
            continue
        }
        const hash = toBytes(json, `${where} ${algorithm}`)
        if (hash.length !== length) reject(where, `${algorithm} has ${hash.length} bytes instead of ${length}`)
        hashes.set(algorithm, hash)
    }
    // Docker reads no other; and where a file is named by its hash, Notary demands it.
    if (!hashes.has("sha256") && (purpose === "sign" || hashes.size === 0)) reject(where, "sha256 is missing")
    const length = toInteger(fields.get("length"), `${where} length`, 0)
    const custom = fields.find("custom")
    return custom === undefined ? { hashes, length } : { hashes, length, custom }
}

export function fileMetasJson(metas: ReadonlyMap<string, FileMeta>): Json {
    return new Map<string, Json>(Array.from(metas, ([name, meta]) => [name, fileMetaJson(meta)]))
}

function fileMetaJson(meta: FileMeta): Json {
    const hashes = new Map<string, Json>(
        Array.from(meta.hashes, ([algorithm, hash]) => [
            algorithm,
            Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString("base64"),
        ]),
    )
    const json = new Map<string, Json>([
        ["hashes", hashes],
        ["length", meta.length],
    ])
    if (meta.custom !== undefined) json.set("custom", meta.custom)
    return json
}

/** Length, SHA-256 and SHA-512 of a whole file, as snapshot and timestamp hold them. */
export function fileMetaOf(content: Uint8Array): FileMeta {
    return {
        hashes: new Map([
            ["sha256", sha256(content)],
            ["sha512", sha512(content)],
        ]),
        length: content.length,
    }
}

/**
 * The `meta` of a snapshot over these files.
 *
 * @throws invalid_request for a role a snapshot does not list, a role given twice, or root or targets missing.
 */
export function snapshotMeta(files: readonly { readonly role: RoleName; readonly content: Uint8Array }[]): ReadonlyMap<string, FileMeta> {
    const meta = new Map<string, FileMeta>()
    for (const { role, content } of files) {
        if (role === "snapshot" || role === "timestamp") throw new TrustkeyError("invalid_request", `a snapshot does not list the ${role}`)
        if (meta.has(role)) throw new TrustkeyError("invalid_request", `two files for ${role}`)
        meta.set(role, fileMetaOf(content))
    }
    if (!meta.has("root") || !meta.has("targets")) throw new TrustkeyError("invalid_request", "a snapshot needs root and targets")
    return meta
}

/**
 * Whether `content` is the file `meta` names: its length, and every hash given, SHA-256 being one.
 */
export function fileMatches(meta: FileMeta, content: Uint8Array): boolean {
    const sha256Given = meta.hashes.get("sha256")
    const sha512Given = meta.hashes.get("sha512")
    if (meta.length !== content.length || sha256Given === undefined) return false
    return sha256(content).equals(sha256Given) && (sha512Given === undefined || sha512(content).equals(sha512Given))
}
