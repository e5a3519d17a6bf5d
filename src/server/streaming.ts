import { once } from "node:events"
import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js"
import { type Caller, failed } from "./unary.ts"

/**
 * Turn an async function into the handler of a stream of requests that are answered one by one, in the order they get done.
 *
 * At most `caller.maxRequests` are worked on at a time. Beyond that nothing more is read, so HTTP/2's flow control stops the
 * sender; the same when the receiver is slower than we are. `handle` answers its own refusals: what it throws ends the stream.
 */
export function streaming<Req, Res>(caller: Caller, handle: (request: Req) => Promise<Res>): handleBidiStreamingCall<Req, Res> {
    return (call) => {
        answerAll(caller, call, handle).then(
            () => call.end(),
            (error: unknown) => {
                // A caller who has gone away gets no answer, and it is no fault of ours.
                if (!call.cancelled) call.emit("error", failed(caller, error))
            },
        )
    }
}

async function answerAll<Req, Res>(
    caller: Caller,
    call: ServerDuplexStream<Req, Res>,
    handle: (request: Req) => Promise<Res>,
): Promise<void> {
    const failure = Promise.withResolvers<never>()
    const answers = new Answers(call)
    const readAll = async (): Promise<void> => {
        const running = new Running()
        // Without the option the end of the requests would destroy the call, with answers still to be written.
        for await (const request of call.iterator({ destroyOnReturn: false })) {
            running.add(
                handle(request).then((response) => answers.write(response)),
                failure.reject,
            )
            await running.atMost(caller.maxRequests - 1)
        }
        await running.atMost(0)
    }
    await Promise.race([readAll(), failure.promise])
}

/** Counts instead of racing what runs: a race subscribes to every one of them anew, for each request. */
class Running {
    #count = 0
    #wake: (() => void) | undefined

    add(work: Promise<void>, failed: (error: unknown) => void): void {
        this.#count += 1
        work.catch(failed).finally(() => {
            this.#count -= 1
            this.#wake?.()
        })
    }

    /** For one who waits, the reader. */
    async atMost(count: number): Promise<void> {
        while (this.#count > count) {
            await new Promise<void>((resolve) => {
                this.#wake = resolve
            })
        }
    }
}

class Answers<Req, Res> {
    readonly #call: ServerDuplexStream<Req, Res>
    #drained: Promise<unknown> | undefined

    constructor(call: ServerDuplexStream<Req, Res>) {
        this.#call = call
    }

    /** Resolves when there is room for the next one, so that a request keeps its place until its answer has gone. */
    async write(response: Res): Promise<void> {
        if (this.#call.cancelled || this.#call.destroyed) return
        if (this.#call.write(response)) return
        this.#drained ??= this.#drain()
        await this.#drained
    }

    async #drain(): Promise<void> {
        const listening = new AbortController()
        const { signal } = listening
        try {
            await Promise.race([once(this.#call, "drain", { signal }), once(this.#call, "close", { signal })])
        } finally {
            // Takes away the listeners that still wait.
            listening.abort()
            this.#drained = undefined
        }
    }
}
