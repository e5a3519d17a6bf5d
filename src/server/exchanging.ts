import { once } from "node:events"
import type {
    handleBidiStreamingCall,
    handleClientStreamingCall,
    handleServerStreamingCall,
    ServerDuplexStream,
    ServerReadableStream,
    ServerWritableStream,
} from "@grpc/grpc-js"
import { TrustkeyError } from "../errors.ts"
import { type Caller, failed } from "./unary.ts"

// Streams that carry one thing that is too long for a message. How long the whole takes is counted by nobody; how long one side keeps the other waiting is.

export type Send<Res> = (response: Res) => Promise<void>

/** One request, answered piece by piece, no faster than the pieces are read. What `handle` throws ends the stream. */
export function sending<Req, Res>(
    caller: Caller,
    handle: (request: Req, send: Send<Res>) => Promise<void>,
): handleServerStreamingCall<Req, Res> {
    return (call) => {
        finish(caller, call, handle(call.request, sendOn(caller, call)))
    }
}

/** Requests that come piece by piece, and answers the same way. */
export function exchanging<Req, Res>(
    caller: Caller,
    handle: (requests: AsyncIterable<Req>, send: Send<Res>) => Promise<void>,
): handleBidiStreamingCall<Req, Res> {
    return (call) => {
        finish(caller, call, handle(inPieces(caller, call), sendOn(caller, call)))
    }
}

/** Requests that come piece by piece, and one answer. */
export function receiving<Req, Res>(
    caller: Caller,
    handle: (requests: AsyncIterable<Req>) => Promise<Res>,
): handleClientStreamingCall<Req, Res> {
    return (call, callback) => {
        handle(inPieces(caller, call)).then(
            (response) => callback(null, response),
            (error: unknown) => callback(failed(caller, error)),
        )
    }
}

function finish(
    caller: Caller,
    call: { readonly cancelled: boolean; end(): unknown; emit(event: "error", error: object): boolean },
    work: Promise<void>,
): void {
    work.then(
        () => call.end(),
        (error: unknown) => {
            const status = failed(caller, error)
            // A caller who has gone away gets no answer.
            if (!call.cancelled) call.emit("error", status)
        },
    )
}

function sendOn<Req, Res>(caller: Caller, call: ServerWritableStream<Req, Res> | ServerDuplexStream<Req, Res>): Send<Res> {
    return async (response) => {
        if (call.cancelled || call.destroyed) throw goneAway()
        if (call.write(response)) return
        const waiting = new AbortController()
        const timer = setTimeout(() => waiting.abort(), caller.requestTimeoutMs)
        const { signal } = waiting
        try {
            await Promise.race([once(call, "drain", { signal }), once(call, "close", { signal }), once(call, "cancelled", { signal })])
        } catch {
            throw new TrustkeyError("deadline_exceeded", "what was sent was not read")
        } finally {
            clearTimeout(timer)
            waiting.abort()
        }
    }
}

async function* inPieces<Req, Res>(
    caller: Caller,
    call: ServerReadableStream<Req, Res> | ServerDuplexStream<Req, Res>,
): AsyncGenerator<Req> {
    let timer: NodeJS.Timeout | undefined
    const { promise: late, reject } = Promise.withResolvers<never>()
    // Nobody may be waiting when it happens.
    late.catch(() => {})
    call.once("cancelled", () => reject(goneAway()))
    const wait = (): void => {
        timer = setTimeout(() => reject(new TrustkeyError("deadline_exceeded", "nothing more was sent")), caller.requestTimeoutMs)
    }
    const pieces = call.iterator({ destroyOnReturn: false })
    try {
        for (;;) {
            wait()
            const next: IteratorResult<Req> = await Promise.race([pieces.next(), late])
            clearTimeout(timer)
            if (call.cancelled) throw goneAway()
            if (next.done === true) return
            yield next.value
        }
    } finally {
        clearTimeout(timer)
        // It comes back when the call has ended, which it has not if nothing more is sent.
        void pieces.return?.().catch(() => {})
    }
}

function goneAway(): TrustkeyError {
    return new TrustkeyError("declined", "the caller has gone away")
}
