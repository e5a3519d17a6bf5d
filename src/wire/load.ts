import { loadPackageDefinition } from "@grpc/grpc-js"
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
