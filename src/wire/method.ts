// A client's side of the wire: no more of gRPC's loader than its types.
import type { ChannelOptions } from "@grpc/grpc-js"
import type { MethodDefinition } from "@grpc/proto-loader"
import { decodeMessage, type Entries, encodeMessage } from "./codec.ts"
import { descriptor } from "./descriptor.ts"
import type { ProtoGrpcType } from "./services.ts"

/** A client's channel: answers may be as large as the metadata they carry. */
export const CHANNEL_OPTIONS: ChannelOptions = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 }

type V1 = ProtoGrpcType["trustkeyd"]["v1"]
type ServiceName = { [Name in keyof V1]: V1[Name] extends { service: object } ? Name : never }[keyof V1]
type Methods<Service extends ServiceName> = V1[Service]["service"]

/** What grpc-js's client asks for to make one call. */
export type Method<Request, Response> = {
    /** `/trustkeyd.v1.Keys/Create` */
    readonly path: string
    readonly requestSerialize: (request: Request) => Buffer
    readonly responseDeserialize: (bytes: Buffer) => Response
}

type MethodOf<Definition> =
    Definition extends MethodDefinition<infer Request, infer _Response, infer _Received, infer Response> ? Method<Request, Response> : never

type Tree = { readonly nested: { readonly trustkeyd: { readonly nested: { readonly v1: { readonly nested: Entries } } } } }

// Written by the generator, which gives it no type.
const tree = descriptor as Tree
/** Our messages, enums and services, without the package's name. */
export const ENTRIES = tree.nested.trustkeyd.nested.v1.nested

/** One method of ours for a client. */
export function methodOf<Service extends ServiceName, Name extends keyof Methods<Service> & string>(
    service: Service,
    name: Name,
): MethodOf<Methods<Service>[Name]> {
    const call = ENTRIES[service]?.methods?.[name]
    if (call === undefined) throw new Error(`there is no ${service}.${name} in the descriptor`)
    const method: Method<object, unknown> = {
        path: `/trustkeyd.v1.${service}/${name}`,
        requestSerialize: (request) => encodeMessage(ENTRIES, call.requestType, request),
        responseDeserialize: (bytes) => decodeMessage(ENTRIES, call.responseType, bytes),
    }
    // The types and the descriptor come from one run of the generator.
    return method as unknown as MethodOf<Methods<Service>[Name]>
}
