import { type ChannelOptions, loadPackageDefinition } from "@grpc/grpc-js"
import { fromJSON, type PackageDefinition } from "@grpc/proto-loader"
import { descriptor } from "./descriptor.ts"
import type { ProtoGrpcType } from "./services.ts"

/** Ours and the standard services, ready for grpc-js: `v1.Keys` is the client's class, `v1.Keys.service` what a server adds. */
export type Wire = {
    readonly v1: ProtoGrpcType["trustkeyd"]["v1"]
    readonly health: ProtoGrpcType["grpc"]["health"]["v1"]
    readonly reflection: ProtoGrpcType["grpc"]["reflection"]["v1"]
    /** For reflection: everything, with the encoded descriptors. */
    readonly definition: PackageDefinition
}

/** A client's channel: answers may be as large as the metadata they carry. */
export const CHANNEL_OPTIONS: ChannelOptions = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 }

// As packaging/generate-wire.ts has it: the types were generated for these options.
const OPTIONS = { longs: Number, enums: String, defaults: true, oneofs: true } as const

/** protobufjs reads what it has written, but its types ask for comments that it leaves out. */
type Descriptor = Parameters<typeof fromJSON>[0]

let loaded: Wire | undefined

/** From the embedded descriptor, so no .proto file is needed at run time. Takes some milliseconds the first time. */
export function loadWire(): Wire {
    if (loaded !== undefined) return loaded
    const definition = fromJSON(descriptor as Descriptor, OPTIONS)
    // The types and the descriptor come from one run of the generator, which grpc-js can't know.
    const { trustkeyd, grpc } = loadPackageDefinition(definition) as unknown as ProtoGrpcType
    loaded = { v1: trustkeyd.v1, health: grpc.health.v1, reflection: grpc.reflection.v1, definition }
    return loaded
}

type V1 = Wire["v1"]
type ServiceName = { [Name in keyof V1]: V1[Name] extends { service: object } ? Name : never }[keyof V1]
type Methods<Service extends ServiceName> = V1[Service]["service"]

const methods = new Map<string, unknown>()

/** One method of ours for a client: preparing only the messages that it needs takes a tenth of the time of all. */
export function loadMethod<Service extends ServiceName, Name extends keyof Methods<Service> & string>(
    service: Service,
    name: Name,
): Methods<Service>[Name] {
    const key = `${service}.${name}`
    const known = methods.get(key) ?? prepare(service, name)
    methods.set(key, known)
    // As in loadWire: the types come from the same descriptor.
    return known as Methods<Service>[Name]
}

type Entry = { readonly fields?: Readonly<Record<string, { readonly type: string }>>; readonly methods?: Readonly<Record<string, Call>> }
type Call = { readonly requestType: string; readonly responseType: string }

type Tree = { readonly nested: { readonly trustkeyd: { readonly nested: { readonly v1: { readonly nested: Readonly<Record<string, Entry>> } } } } }

// Written by the generator, which gives it no type.
const tree = descriptor as Tree
const V1_ENTRIES = tree.nested.trustkeyd.nested.v1.nested

function prepare(service: ServiceName, name: string): unknown {
    const call = V1_ENTRIES[service]?.methods?.[name]
    if (call === undefined) throw new Error(`there is no ${service}.${name} in the descriptor`)
    const needed: Record<string, Entry> = { [service]: { methods: { [name]: call } } }
    collect(call.requestType, needed)
    collect(call.responseType, needed)
    const { trustkeyd } = tree.nested
    const v1 = { ...trustkeyd.nested.v1, nested: needed }
    const part = { ...tree, nested: { trustkeyd: { ...trustkeyd, nested: { v1 } } } }
    return (loadPackageDefinition(fromJSON(part as Descriptor, OPTIONS)) as unknown as ProtoGrpcType).trustkeyd.v1[service].service[name as never]
}

/** A message, and whatever its fields are made of. Scalars aren't in the descriptor by name. */
function collect(type: string, needed: Record<string, Entry>): void {
    const entry = V1_ENTRIES[type]
    if (entry === undefined || type in needed) return
    needed[type] = entry
    for (const field of Object.values(entry.fields ?? {})) collect(field.type, needed)
}
