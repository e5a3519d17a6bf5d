import type { handleBidiStreamingCall, UntypedServiceImplementation } from "@grpc/grpc-js"
import type { PackageDefinition } from "@grpc/proto-loader"
// Past the door of the package: its ReflectionService reads .proto files from the disk, and beside a bundle there are none.
import { ReflectionV1Implementation } from "@grpc/reflection/build/src/implementations/reflection-v1.js"
import type { ServerReflectionResponse } from "../wire/grpc/reflection/v1/ServerReflectionResponse.ts"

type Request = Parameters<ReflectionV1Implementation["handleServerReflectionRequest"]>[0]

/** grpc.reflection.v1: what methods and messages there are, for tools like grpcurl. */
export function reflectionHandlers(definition: PackageDefinition, services: readonly string[]): UntypedServiceImplementation {
    const reflection = new ReflectionV1Implementation(definition, { services: [...services] })
    const info: handleBidiStreamingCall<Request, ServerReflectionResponse> = (call) => {
        call.on("end", () => call.end())
        call.on("data", (request: Request) => {
            // Not reading on until there is room keeps a caller from making us hold its answers.
            if (call.write(reflection.handleServerReflectionRequest(request))) return
            call.pause()
            call.once("drain", () => call.resume())
        })
    }
    return { ServerReflectionInfo: info }
}
