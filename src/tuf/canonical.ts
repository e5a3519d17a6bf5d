import { TrustkeyError } from "../errors.ts"
import type { Json, JsonObject } from "./json.ts"

/**
 * The bytes that are signed: keys sorted by their UTF-8 bytes, no whitespace, whole numbers only; in strings only `"` and `\` are escaped
 * and everything else is raw, control characters and `<>&` included (which makes the result not always JSON). No Unicode normalisation.
 *
 * @throws metadata_rejected for numbers that are no safe integers, and for lone surrogates.
 */
export function canonicalize(value: Json): Buffer {
    const text = write(value)
    if (!text.isWellFormed()) throw new TrustkeyError("metadata_rejected", "a string has half of a surrogate pair")
    return Buffer.from(text, "utf8")
}

function write(value: Json): string {
    if (value === null) return "null"
    switch (typeof value) {
        case "boolean":
            return value ? "true" : "false"
        case "string":
            return `"${escapeString(value)}"`
        case "number":
            if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
                throw new TrustkeyError("metadata_rejected", "canonical JSON has whole numbers within ±(2^53-1) only")
            }
            return String(value)
    }
    return isObject(value) ? writeObject(value) : writeArray(value)
}

function writeObject(object: JsonObject): string {
    let text = ""
    for (const key of sortByUtf8([...object.keys()])) {
        text += `${text === "" ? "{" : ","}"${escapeString(key)}":${write(object.get(key) ?? null)}`
    }
    return text === "" ? "{}" : `${text}}`
}

function writeArray(array: readonly Json[]): string {
    let text = ""
    for (const element of array) text += `${text === "" ? "[" : ","}${write(element)}`
    return text === "" ? "[]" : `${text}]`
}

function escapeString(text: string): string {
    let escaped = text
    if (escaped.includes("\\")) escaped = escaped.replaceAll("\\", "\\\\")
    if (escaped.includes('"')) escaped = escaped.replaceAll('"', '\\"')
    return escaped
}

/** JavaScript's order is UTF-16's: it puts U+1F600 before U+FF5E, UTF-8 (and Go) after it. For ASCII the two are the same. */
function sortByUtf8(keys: string[]): string[] {
    if (keys.every((key) => Buffer.byteLength(key) === key.length)) return keys.sort()
    return keys
        .map((key) => ({ key, bytes: Buffer.from(key, "utf8") }))
        .sort((left, right) => Buffer.compare(left.bytes, right.bytes))
        .map(({ key }) => key)
}

export function isObject(value: Json): value is JsonObject {
    return value instanceof Map
}
