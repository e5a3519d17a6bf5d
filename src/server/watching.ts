import { type handleServerStreamingCall, Metadata } from "@grpc/grpc-js"
import { TrustkeyError } from "../errors.ts"
import { type Caller, failed } from "./unary.ts"

/** Events that a slow listener has not read yet. */
const MOST_WAITING = 64

/**
 * Turn a subscription into the handler of a stream of events. It lasts until the caller ends it or `leaving` says that the connection is
 * to end: nothing here counts how long. Whoever does not read loses the stream, and nothing more is kept for him.
 *
 * `subscribe` returns what ends the subscription; what it throws is the answer.
 */
export function watching<Req, Res>(
    caller: Caller,
    leaving: AbortSignal,
    subscribe: (request: Req, next: (event: Res) => void) => () => void,
): handleServerStreamingCall<Req, Res> {
    return (call) => {
        let isOver = false
        let unsubscribe: (() => void) | undefined
        const finish = (error?: unknown): void => {
            if (isOver) return
            isOver = true
            unsubscribe?.()
            leaving.removeEventListener("abort", end)
            if (call.cancelled) return
            if (error === undefined) call.end()
            else call.emit("error", failed(caller, error))
        }
        const end = (): void => finish()
        const next = (event: Res): void => {
            if (isOver) return
            if (call.writableLength < MOST_WAITING) call.write(event)
            else finish(new TrustkeyError("overloaded", "the events were not read as fast as they happened"))
        }
        if (leaving.aborted) return finish(new TrustkeyError("shutting_down", "this connection is about to end"))
        leaving.addEventListener("abort", end)
        call.on("cancelled", end)
        // The caller knows that it will be told from now on.
        call.sendMetadata(new Metadata())
        try {
            unsubscribe = subscribe(call.request, next)
        } catch (error) {
            finish(error)
        }
        // It may have ended while the first events were written.
        if (isOver) unsubscribe?.()
    }
}
