import { canonicalize, type Json, type JsonObject, parseJson } from "../tuf/index.ts"
import { reading, refuse } from "./fault.ts"

const MAX_DEPTH = 8

/** The value of `bytes`, which must be its canonical form to the letter. @throws Fault */
export function parseCanonical(bytes: Uint8Array, subject: string, maxBytes: number): Json {
    const value = reading(subject, () => parseJson(bytes, { maxBytes, maxDepth: MAX_DEPTH }))
    if (!canonicalize(value).equals(bytes)) refuse(`${subject} is not written in canonical JSON`)
    return value
}

/** An object with these members and no others. @throws Fault */
export function membersOf(value: Json | undefined, subject: string, names: readonly string[]): JsonObject {
    if (!isObject(value)) return refuse(`${subject} is no object`)
    for (const name of names) if (!value.has(name)) refuse(`${subject} has no member "${name}"`)
    if (value.size > names.length) refuse(`${subject} has other members than ${names.join(", ")}`)
    return value
}

export function listOf(value: Json | undefined, subject: string): readonly Json[] {
    return typeof value === "object" && value !== null && !isObject(value) ? value : refuse(`${subject} is no list`)
}

/** A string of which `isRight` holds. */
export function stringOf(value: Json | undefined, subject: string, isRight: (text: string) => boolean): string {
    return typeof value === "string" && isRight(value) ? value : refuse(`${subject} is not what it must be`)
}

// Readers that keep numbers in 32 bits read the same.
const MAX_NUMBER = 2 ** 31 - 1

export function isNumber(value: Json | undefined): value is number {
    return typeof value === "number" && value >= 0 && value <= MAX_NUMBER
}

export function isObject(value: Json | undefined): value is JsonObject {
    return value instanceof Map
}
