import { type Json, type JsonObject, parseJson } from "../tuf/index.ts"
import { refuse } from "./refuse.ts"

const MAX_DEPTH = 8

/**
 * RFC 8785 with whole numbers only: names in the order of their UTF-16 code units, no white space, strings as ECMAScript writes them. Unlike the
 * canonical form of TUF it is always JSON, whatever a string holds.
 */
export function canonicalJson(value: Json): string {
    if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`
    if (!isObject(value)) return JSON.stringify(value)
    const names = [...value.keys()].sort()
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(value.get(name) ?? null)}`).join(",")}}`
}

/** The value of `bytes`, which must be its canonical form to the letter. @throws backup_invalid, metadata_rejected, payload_too_large */
export function parseCanonicalJson(bytes: Uint8Array, maxBytes: number): Json {
    const value = parseJson(bytes, { maxBytes, maxDepth: MAX_DEPTH })
    // As text: a copy in Node's pool would keep 8 KiB from being given back for whatever of the record lies there.
    if (canonicalJson(value) !== Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"))
        refuse("it is not written in canonical JSON")
    return value
}

export function isObject(value: Json | undefined): value is JsonObject {
    return value instanceof Map
}

export function isList(value: Json | undefined): value is readonly Json[] {
    return typeof value === "object" && value !== null && !isObject(value)
}
