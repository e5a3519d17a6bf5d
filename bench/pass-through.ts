import {
    connect,
    createServer,
    type IpcNetConnectOpts,
    type ListenOptions,
    type Server,
    type Socket,
    type TcpNetConnectOpts,
} from "node:net"

/** Milliseconds since 1970. */
export type Span = { readonly from: number; readonly to: number }

export type PassThrough = AsyncDisposable & {
    /** For a TCP one. */
    readonly port: number
    /** From the first byte of a question to the last of its answer, connecting included; taken away when read. */
    takeSpans(): readonly Span[]
}

/** Somebody who passes bytes on and looks at the clock: between a client and a server, with nothing added to what they say. */
export async function startPassThrough(listen: ListenOptions, target: TcpNetConnectOpts | IpcNetConnectOpts): Promise<PassThrough> {
    const spans: Span[] = []
    const server = createServer((client) => watch(client, connect(target), (span) => spans.push(span)))
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(listen, resolve))
    return {
        port: portOf(server),
        takeSpans: () => spans.splice(0),
        [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
    }
}

function watch(client: Socket, server: Socket, done: (span: Span) => void): void {
    let from: number | undefined = now()
    let to: number | undefined
    const finish = (): void => {
        if (from !== undefined && to !== undefined) done({ from, to })
        from = undefined
        to = undefined
    }
    client.on("data", (bytes) => {
        // Whoever asks again has had the answer before.
        if (to !== undefined) finish()
        from ??= now()
        server.write(bytes)
    })
    server.on("data", (bytes) => {
        to = now()
        client.write(bytes)
    })
    for (const [one, other] of [
        [client, server],
        [server, client],
    ] as const) {
        one.on("end", () => other.end())
        one.on("error", () => other.destroy())
    }
    client.on("close", finish)
}

function now(): number {
    return performance.timeOrigin + performance.now()
}

function portOf(server: Server): number {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
}
