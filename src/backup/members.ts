import { TrustkeyError } from "../errors.ts"
import { type Gun, type Json, type JsonObject, type KeyId, parseGun, parseKeyId, parseRoleName, type RoleName } from "../tuf/index.ts"
import { isList, isObject } from "./canonical-json.ts"
import { refuse } from "./refuse.ts"

const HASH = /^[0-9a-f]{64}$/
// What Date.toISOString writes for four-digit years.
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** An object of a record, each member asked for once: whatever is left over at the end has no place there. All refuse with backup_invalid. */
export class Members {
    readonly #object: JsonObject
    readonly #where: string
    readonly #asked = new Set<string>()

    /** @param where what the object is, for messages; empty: the record itself */
    constructor(value: Json | undefined, where = "") {
        if (!isObject(value)) refuse(`${where === "" ? "it" : where} is no object`)
        this.#object = value
        this.#where = where
    }

    has(name: string): boolean {
        return this.#object.has(name)
    }

    value(name: string): Json {
        this.#asked.add(name)
        const value = this.#object.get(name)
        return value === undefined ? refuse(`${this.#nameOf(name)} is missing`) : value
    }

    text(name: string, isRight: (text: string) => boolean = () => true): string {
        const value = this.value(name)
        return typeof value === "string" && isRight(value) ? value : this.#wrong(name)
    }

    oneOf<T extends string>(name: string, choices: readonly T[]): T {
        const text = this.text(name)
        return choices.find((choice) => choice === text) ?? this.#wrong(name)
    }

    /** A whole number from `least` up to 2^53 - 1. */
    integer(name: string, least = 0): number {
        const value = this.value(name)
        return typeof value === "number" && value >= least ? value : this.#wrong(name)
    }

    /** Must be `expected`: there is no other value. */
    only(name: string, expected: string | boolean): void {
        if (this.value(name) !== expected) this.#wrong(name)
    }

    hash(name: string): string {
        return this.text(name, (text) => HASH.test(text))
    }

    /** RFC 3339 in UTC with milliseconds, a moment that exists. */
    time(name: string): string {
        return this.text(name, isTime)
    }

    /** Standard base64 with padding, in its one way of writing. */
    bytes(name: string): Buffer {
        const text = this.text(name)
        const bytes = Buffer.from(text, "base64")
        return bytes.toString("base64") === text ? bytes : this.#wrong(name)
    }

    gun(name: string): Gun {
        return this.#parsed(name, parseGun)
    }

    role(name: string): RoleName {
        return this.#parsed(name, parseRoleName)
    }

    keyId(name: string): KeyId {
        return this.#parsed(name, parseKeyId)
    }

    keyIds(name: string): readonly KeyId[] {
        return this.texts(name, (text) => HASH.test(text)).map(parseKeyId)
    }

    members(name: string): Members {
        return new Members(this.value(name), this.#nameOf(name))
    }

    /** Each read to its end. */
    list<T>(name: string, read: (members: Members) => T): readonly T[] {
        const value = this.value(name)
        if (!isList(value)) return this.#wrong(name)
        return value.map((element, index) => read1(element, `${this.#nameOf(name)}[${index}]`, read))
    }

    texts(name: string, isRight: (text: string) => boolean): readonly string[] {
        const value = this.value(name)
        if (!isList(value)) return this.#wrong(name)
        return value.map((element) => (typeof element === "string" && isRight(element) ? element : this.#wrong(name)))
    }

    /** Nothing else was said. */
    finish(): void {
        if (this.#asked.size >= this.#object.size) return
        refuse(`${this.#where === "" ? "it" : this.#where} has a member that does not belong there`)
    }

    #parsed<T>(name: string, parse: (text: string) => T): T {
        const text = this.text(name)
        try {
            return parse(text)
        } catch (error) {
            if (error instanceof TrustkeyError && error.code !== "internal") return this.#wrong(name)
            throw error
        }
    }

    #wrong(name: string): never {
        refuse(`${this.#nameOf(name)} is not what it must be`)
    }

    #nameOf(name: string): string {
        return this.#where === "" ? name : `${this.#where}.${name}`
    }
}

function read1<T>(value: Json, where: string, read: (members: Members) => T): T {
    const members = new Members(value, where)
    const result = read(members)
    members.finish()
    return result
}

function isTime(text: string): boolean {
    if (!TIME.test(text)) return false
    const date = new Date(text)
    // A 30th of February rolls over, and comes back as another.
    return !Number.isNaN(date.getTime()) && date.toISOString() === text
}
