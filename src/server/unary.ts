import { randomUUID } from "node:crypto"
import { type handleUnaryCall, Metadata, status } from "@grpc/grpc-js"
import { TrustkeyError } from "../errors.ts"
import type { Principal } from "../policy/index.ts"
import type { Log } from "./log.ts"
import { CODE_TRAILER, isFault, type Status, toStatus, visibleError } from "./status.ts"

/** One connection: who is at its other end, and what holds for its requests. */
export type Caller = {
    readonly principal: Principal
    readonly log: Log
    readonly maxPayloadBytes: number
    readonly maxRequests: number
    readonly requestTimeoutMs: number
}

/**
 * Turn an async function into a gRPC handler.
 *
 * grpc-js ignores the promise a handler returns, so one that rejects never answers. And it takes any integer `code` on an
 * Error for a status: a raw PKCS#11 CKR_ARGUMENTS_BAD (7) would arrive as PERMISSION_DENIED, with the library's text.
 * Every handler goes through here or through `streaming`, so neither can happen.
 */
export function unary<Req, Res>(caller: Caller, handle: (request: Req) => Promise<Res>): handleUnaryCall<Req, Res> {
    return (call, callback) => {
        inTime(caller, () => handle(call.request)).then(
            (response) => callback(null, response),
            (error: unknown) => callback(failed(caller, error)),
        )
    }
}

/** For what lives on the admin socket only. That it does is no secret, so the answer says so. */
export function adminOnly<Req, Res>(caller: Caller, handle: (request: Req) => Promise<Res>): handleUnaryCall<Req, Res> {
    if (caller.principal.socket === "admin") return unary(caller, handle)
    return (_call, callback) => {
        const metadata = new Metadata()
        metadata.set(CODE_TRAILER, "denied" satisfies TrustkeyError["code"])
        callback({ code: status.PERMISSION_DENIED, details: "this is answered on the admin socket only", metadata })
    }
}

/**
 * The work, or `deadline_exceeded` when it takes too long. The work itself goes on: what has been promised is signed, and the
 * same request again gets the signature.
 */
export async function inTime<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
        reject(new TrustkeyError("deadline_exceeded", `not done within ${caller.requestTimeoutMs / 1000} seconds; ask again`))
    }, caller.requestTimeoutMs)
    try {
        return await Promise.race([work(), late])
    } finally {
        clearTimeout(timer)
    }
}

/** The status for an error; the log gets what the caller must not see. */
export function failed(caller: Caller, error: unknown): Status {
    return toStatus(error, logFault(caller, error))
}

/** The same for a part of a stream that goes on. */
export function refusal(caller: Caller, error: unknown): { readonly errorCode: string; readonly errorMessage: string } {
    const { code, message } = visibleError(error, logFault(caller, error))
    return { errorCode: code, errorMessage: message }
}

function logFault(caller: Caller, error: unknown): string {
    const reference = randomUUID()
    if (isFault(error)) {
        caller.log({ level: "error", message: "a request failed", reference, caller: caller.principal.name, error })
    }
    return reference
}
