import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js"
import type { MessageTypeDefinition, PackageDefinition } from "@grpc/proto-loader"

/** The most a request we take may have, all lists full, is a fraction of this. */
const MOST_FIELDS = 50_000

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** What is expected of a message's fields, by number. */
type Shape = ReadonlyMap<number, { readonly kind: number; readonly inner: Shape | undefined }>

/**
 * The same service, but a request of more than 50,000 fields is not decoded. Two bytes on the wire make an object of 300 in memory, and
 * decoding is done in one go, before anybody is asked who sent it: a stranger's 24 MB of empty fields would take 4 GB and stop everything
 * for half a minute.
 */
export function limitFields<S extends ServiceDefinition>(service: S, definition: PackageDefinition): S {
    const methods = Object.entries(service).map(([name, method]) => [name, limited(method, definition)])
    return Object.fromEntries(methods)
}

function limited(method: MethodDefinition<unknown, unknown>, definition: PackageDefinition): MethodDefinition<unknown, unknown> {
    // proto-loader's methods carry their messages' descriptors, which grpc-js doesn't know.
    const { requestType } = method as typeof method & { readonly requestType: MessageTypeDefinition<object, object> }
    const shape = shapeOf(requestType, definition)
    return {
        ...method,
        requestDeserialize: (bytes) => {
            countFields(bytes, 0, bytes.length, shape, MOST_FIELDS)
            return method.requestDeserialize(bytes)
        },
    }
}

function shapeOf(message: MessageTypeDefinition<object, object>, definition: PackageDefinition): Shape {
    const { field } = message.type as { readonly field: readonly { number: number; type: string; typeName: string }[] }
    return new Map(
        field.map(({ number, type, typeName }) => {
            const inner = type === "TYPE_MESSAGE" ? shapeOf(messageNamed(typeName, definition), definition) : undefined
            return [number, { kind: kindOf(type), inner }]
        }),
    )
}

function kindOf(type: string): number {
    if (["TYPE_MESSAGE", "TYPE_STRING", "TYPE_BYTES"].includes(type)) return LENGTH_DELIMITED
    if (["TYPE_BOOL", "TYPE_ENUM", "TYPE_UINT32", "TYPE_UINT64", "TYPE_INT32", "TYPE_INT64"].includes(type)) return VARINT
    throw new Error(`no request has a ${type}`)
}

/** Names are relative to the package they stand in; ours are all in one, and the last part of each is used once. */
function messageNamed(typeName: string, definition: PackageDefinition): MessageTypeDefinition<object, object> {
    const [found] = Object.entries(definition).filter(([name]) => name === typeName || name.endsWith(`.${typeName}`))
    if (found === undefined || !("type" in found[1])) throw new Error(`there is no message ${typeName}`)
    return found[1] as MessageTypeDefinition<object, object>
}

/**
 * What is left of `left` after the fields between `at` and `end`. The wire format is protobuf.dev's "Encoding". protobufjs keeps 32 bits of
 * tags and lengths, and reads a field it knows as that whatever its tag says: what it would see otherwise than we do is refused.
 */
function countFields(bytes: Uint8Array, at: number, end: number, shape: Shape, left: number): number {
    let rest = left
    let offset = at
    const varint = (): number => {
        let value = 0
        for (let shift = 0; offset < end; shift += 7) {
            const byte = bytes[offset] ?? 0
            offset += 1
            if (shift < 32) value = (value | ((byte & 0x7f) << shift)) >>> 0
            if (byte < 0x80) return value
        }
        throw new Error("the message breaks off")
    }
    while (offset < end) {
        rest -= 1
        if (rest < 0) throw new Error(`the message has more than ${MOST_FIELDS} fields`)
        const tag = varint()
        const kind = tag & 7
        const known = shape.get(tag >>> 3)
        if (known !== undefined && known.kind !== kind) throw new Error("a field of the message is of another kind")
        if (kind === VARINT) varint()
        else if (kind === FIXED64) offset += 8
        else if (kind === FIXED32) offset += 4
        else if (kind === LENGTH_DELIMITED) {
            const length = varint()
            if (length > end - offset) throw new Error("the message breaks off")
            if (known?.inner !== undefined) rest = countFields(bytes, offset, offset + length, known.inner, rest)
            offset += length
        } else throw new Error("the message has groups, which no message of ours has")
    }
    return rest
}
