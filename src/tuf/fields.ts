import { TrustkeyError } from "../errors.ts"
import { isObject } from "./canonical.ts"
import type { Json, JsonObject } from "./json.ts"

/**
 * `sign`: a body we are asked to sign, or made. It must be what Notary's own serialiser would write, since a server hashes its
 * re-serialisation. `served`: a file from a server. Its signature covers whatever is in it, so surplus is borne as Notary bears it.
 */
export type Purpose = "sign" | "served"

export function reject(where: string, problem: string): never {
    throw new TrustkeyError("metadata_rejected", `${where}: ${problem}`)
}

/** An object of which the field names are known. */
export class Fields {
    readonly #object: JsonObject
    readonly #where: string
    readonly #purpose: Purpose

    /** @throws metadata_rejected when `value` is no object, or has a field that is not in `known` (see `Purpose`). */
    constructor(value: Json, where: string, purpose: Purpose, known: readonly string[]) {
        this.#object = toObject(value, where)
        this.#where = where
        this.#purpose = purpose
        let present = 0
        for (const name of known) if (this.#object.has(name)) present++
        if (present < this.#object.size) this.#surplus(known)
    }

    get(name: string): Json {
        return this.find(name) ?? reject(this.#where, `${name} is missing`)
    }

    /** undefined when the field is absent; also when it is null and the file is a served one: Go reads null as nothing given. */
    find(name: string): Json | undefined {
        const value = this.#object.get(name)
        if (value === null && this.#purpose === "sign") reject(this.#where, `${name} is null`)
        return value ?? undefined
    }

    has(name: string): boolean {
        return this.#object.has(name)
    }

    #surplus(known: readonly string[]): void {
        for (const name of this.#object.keys()) {
            if (known.includes(name)) continue
            // Notary would drop it when it writes the file again, and all hashes change.
            if (this.#purpose === "sign") reject(this.#where, `the field ${quote(name)} is unknown`)
            // Go matches field names without regard to case: for it "Targets" is "targets" too, for others not.
            const folded = name.toUpperCase().toLowerCase()
            if (known.includes(folded)) reject(this.#where, `the field ${quote(name)} differs from ${folded} in case only`)
        }
    }
}

export function toObject(value: Json, where: string): JsonObject {
    return isObject(value) ? value : reject(where, "is no object")
}

export function toArray(value: Json, where: string): readonly Json[] {
    return typeof value === "object" && value !== null && !isObject(value) ? value : reject(where, "is no list")
}

export function toText(value: Json, where: string): string {
    return typeof value === "string" ? value : reject(where, "is no string")
}

export function toInteger(value: Json, where: string, least: number): number {
    return typeof value === "number" && value >= least ? value : reject(where, `is no whole number from ${least} on`)
}

/** Standard base64 with padding, in the one way of writing it. */
export function toBytes(value: Json, where: string): Buffer {
    const text = toText(value, where)
    const bytes = Buffer.from(text, "base64")
    return bytes.toString("base64") === text ? bytes : reject(where, "is not standard base64")
}

/** A stranger's text, fit for a message: one line, printable ASCII, not long. */
export function quote(text: string): string {
    const short = text.length > 80 ? `${text.slice(0, 80)}…` : text
    if (/^[!#-[\]-~]+$/.test(text)) return short
    return JSON.stringify(short).replace(/[^ -~…]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)
}
