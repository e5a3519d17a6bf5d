import type { handleBidiStreamingCall, UntypedServiceImplementation } from "@grpc/grpc-js"
import type { PackageDefinition } from "@grpc/proto-loader"
// Past the door of the package: its ReflectionService reads .proto files from the disk, and beside a bundle there are none.
import { ReflectionV1Implementation } from "@grpc/reflection/build/src/implementations/reflection-v1.js"
import type { ServerReflectionResponse } from "../wire/grpc/reflection/v1/ServerReflectionResponse.ts"

type Request = Parameters<ReflectionV1Implementation["handleServerReflectionRequest"]>[0]

/** grpc.reflection.v1: what methods and messages there are, for tools like grpcurl. */
export function reflectionHandlers(definition: PackageDefinition, services: readonly string[]): UntypedServiceImplementation {
    // Reading every descriptor once more takes half of what a start takes, and hardly anybody asks.
    let made: ReflectionV1Implementation | undefined
    const reflection = (): ReflectionV1Implementation => {
        made ??= new ReflectionV1Implementation(definition, { services: [...services] })
        return made
    }
    const info: handleBidiStreamingCall<Request, ServerReflectionResponse> = (call) => {
        call.on("end", () => call.end())
        call.on("data", (request: Request) => {
            // Not reading on until there is room keeps a caller from making us hold its answers.
            if (call.write(reflection().handleServerReflectionRequest(request))) return
            call.pause()
            call.once("drain", () => call.resume())
        })
    }
    return { ServerReflectionInfo: info }
}
