// Messages to and from bytes, proto3 as far as ours go: uint32, uint64, bool, string, bytes, enums, messages, and lists of strings and
// messages. protobufjs, which the daemon has through gRPC's loader, makes and compiles code for each message before the first is read: that
// pays in a server, and is a tenth of all the work of a client that sends five messages and ends.

/** As protobufjs writes descriptors in JSON. */
export type Entry = {
    readonly fields?: Readonly<Record<string, Field>>
    readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>
    readonly values?: Readonly<Record<string, number>>
    readonly methods?: Readonly<Record<string, { readonly requestType: string; readonly responseType: string }>>
}
export type Field = { readonly type: string; readonly id: number; readonly rule?: string }
export type Entries = Readonly<Record<string, Entry>>
export type Message = { [name: string]: unknown }

const VARINT = 0
const FIXED_64 = 1
const LENGTH_DELIMITED = 2
const FIXED_32 = 5

/** What is null or undefined is left out; what is there is written, defaults too. @throws Error: a value that doesn't fit its field */
export function encodeMessage(entries: Entries, type: string, message: object): Buffer {
    const pieces: Uint8Array[] = []
    const given = new Map<string, unknown>(Object.entries(message))
    for (const [name, field] of Object.entries(fieldsOf(entries, type))) {
        const value = given.get(name)
        if (value === undefined || value === null) continue
        const all: readonly unknown[] = field.rule !== "repeated" ? [value] : Array.isArray(value) ? value : misfit(type, name)
        for (const one of all) {
            const encoded = encodeValue(entries, field.type, one) ?? misfit(type, name)
            if (typeof encoded === "number") pieces.push(varint(field.id * 8 + VARINT), varint(encoded))
            else pieces.push(varint(field.id * 8 + LENGTH_DELIMITED), varint(encoded.length), encoded)
        }
    }
    return Buffer.concat(pieces)
}

/** A number where a varint is written, else bytes. Undefined: not of this type. */
function encodeValue(entries: Entries, type: string, value: unknown): number | Uint8Array | undefined {
    switch (type) {
        case "uint32":
        case "uint64":
            return isUnsigned(value, type === "uint32" ? 0xffffffff : Number.MAX_SAFE_INTEGER) ? value : undefined
        case "bool":
            return typeof value === "boolean" ? Number(value) : undefined
        case "string":
            return typeof value === "string" ? Buffer.from(value, "utf8") : undefined
        case "bytes":
            return value instanceof Uint8Array ? value : undefined
        default: {
            const values = entries[type]?.values
            if (values !== undefined) return typeof value === "string" ? values[value] : undefined
            return typeof value === "object" && value !== null ? encodeMessage(entries, type, value) : undefined
        }
    }
}

function isUnsigned(value: unknown, largest: number): value is number {
    return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= largest
}

/**
 * Fields that are not there have their defaults (null for a message), members of a oneof none; a oneof's own name says which is there. Unknown
 * fields are passed over, an unknown enum value stays a number.
 *
 * @throws Error: not such a message
 */
export function decodeMessage(entries: Entries, type: string, bytes: Uint8Array): Message {
    const fields = fieldsOf(entries, type)
    const names = new Map(Object.entries(fields).map(([name, { id }]) => [id, name]))
    const oneofs = Object.entries(entries[type]?.oneofs ?? {})
    const members = new Set(oneofs.flatMap(([, { oneof }]) => oneof))
    const message: Message = {}
    for (const [name, field] of Object.entries(fields)) if (!members.has(name)) message[name] = defaultOf(entries, field)
    const reader = new Reader(bytes)
    while (!reader.atEnd) {
        const tag = reader.varint()
        const [id, wireType] = [Math.floor(tag / 8), tag % 8]
        const name = names.get(id)
        const field = name === undefined ? undefined : fields[name]
        if (name === undefined || field === undefined) {
            reader.skip(wireType)
            continue
        }
        const value = readValue(entries, field.type, reader, wireType)
        const list = message[name]
        if (field.rule === "repeated" && Array.isArray(list)) list.push(value)
        else message[name] = value
        const oneof = members.has(name) ? oneofs.find(([, { oneof }]) => oneof.includes(name)) : undefined
        if (oneof === undefined) continue
        // The last one counts.
        for (const other of oneof[1].oneof) if (other !== name) delete message[other]
        message[oneof[0]] = name
    }
    return message
}

function readValue(entries: Entries, type: string, reader: Reader, wireType: number): unknown {
    const values = entries[type]?.values
    const isNumber = values !== undefined || type === "uint32" || type === "uint64" || type === "bool"
    if (wireType !== (isNumber ? VARINT : LENGTH_DELIMITED)) throw new Error(`a ${type} has wire type ${wireType}`)
    if (isNumber) {
        const number = reader.varint()
        if (type === "bool") return number !== 0
        return values === undefined ? number : (Object.keys(values).find((name) => values[name] === number) ?? number)
    }
    const content = reader.bytes()
    if (type === "bytes") return content
    return type === "string" ? content.toString("utf8") : decodeMessage(entries, type, content)
}

function defaultOf(entries: Entries, { type, rule }: Field): unknown {
    if (rule === "repeated") return []
    switch (type) {
        case "uint32":
        case "uint64":
            return 0
        case "bool":
            return false
        case "string":
            return ""
        case "bytes":
            return Buffer.alloc(0)
        default:
            return Object.keys(entries[type]?.values ?? {})[0] ?? null
    }
}

class Reader {
    readonly #bytes: Buffer
    #at = 0

    constructor(bytes: Uint8Array) {
        this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }

    get atEnd(): boolean {
        return this.#at === this.#bytes.length
    }

    /** Above 2^53 the nearest number. */
    varint(): number {
        let number = 0
        for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
            const byte = this.#bytes[this.#at++]
            if (byte === undefined) throw new Error("a message ends too early")
            number += (byte & 0x7f) * factor
            if (byte < 0x80) return number
        }
        throw new Error("a number in a message is too long")
    }

    bytes(): Buffer {
        return this.#take(this.varint())
    }

    skip(wireType: number): void {
        if (wireType === VARINT) this.varint()
        else if (wireType === LENGTH_DELIMITED) this.bytes()
        else if (wireType === FIXED_64 || wireType === FIXED_32) this.#take(wireType === FIXED_64 ? 8 : 4)
        else throw new Error(`a field of a message has wire type ${wireType}`)
    }

    #take(length: number): Buffer {
        const end = this.#at + length
        if (end > this.#bytes.length) throw new Error("a message ends too early")
        const taken = this.#bytes.subarray(this.#at, end)
        this.#at = end
        return taken
    }
}

function varint(number: number): Uint8Array {
    const bytes: number[] = []
    let rest = number
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 0x80)
    bytes.push(rest)
    return Uint8Array.from(bytes)
}

function fieldsOf(entries: Entries, type: string): Readonly<Record<string, Field>> {
    const entry = entries[type]
    if (entry?.fields === undefined) throw new Error(`there is no message ${type} in the descriptor`)
    return entry.fields
}

function misfit(type: string, name: string): never {
    throw new Error(`${type}.${name} can't be written: its value is of another type`)
}
