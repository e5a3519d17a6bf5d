import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2"
import { connect } from "node:net"
import path from "node:path"
import { type Client, credentials, type requestCallback, type ServiceError } from "@grpc/grpc-js"
import type { Custody } from "../../src/custody/index.ts"
import { type LogRecord, type ServeLimits, serve, type Timeouts } from "../../src/server/index.ts"
import { CHANNEL_OPTIONS, loadWire } from "../../src/wire/load.ts"
import { makeWorkingDirectory } from "./temp.ts"

export type TestServer = AsyncDisposable & {
    readonly directory: string
    readonly signPath: string
    readonly adminPath: string
    readonly log: readonly LogRecord[]
    close(graceMilliseconds: number): Promise<void>
}

export const TEST_LIMITS: ServeLimits = {
    maxPayloadBytes: 1024 * 1024,
    maxConnections: 64,
    maxRequestsPerConnection: 16,
    requestTimeoutMs: 20_000,
}

/** The real server on two temporary sockets. */
export async function startTestServer(
    custody: Custody,
    options: { readonly limits?: Partial<ServeLimits>; readonly timeouts?: Timeouts } = {},
): Promise<TestServer> {
    const directory = await makeWorkingDirectory("server")
    const [signPath, adminPath] = [path.join(directory.path, "sign.sock"), path.join(directory.path, "admin.sock")]
    const log: LogRecord[] = []
    const { close } = await serve({
        sockets: [
            { kind: "sign", path: signPath, mode: 0o660 },
            { kind: "admin", path: adminPath, mode: 0o600 },
        ],
        custody,
        names: { userName: (uid) => `name-of-${uid}` },
        limits: { ...TEST_LIMITS, ...options.limits },
        log: (record) => log.push(record),
        version: "0.0.0-test",
        now: () => new Date(),
        ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
    })
    return {
        directory: directory.path,
        signPath,
        adminPath,
        log,
        close,
        [Symbol.asyncDispose]: async () => {
            await close(0)
            await directory.remove()
        },
    }
}

/** A client of one of our services on a connection of its own. Closed at the end of the block. */
export function connectTo<C extends Client>(
    Service: new (address: string, security: ReturnType<typeof credentials.createInsecure>, options: object) => C,
    socketPath: string,
): C & Disposable {
    const client = new Service(`unix:${socketPath}`, credentials.createInsecure(), {
        ...CHANNEL_OPTIONS,
        // Otherwise clients of one address share a connection.
        "grpc.use_local_subchannel_pool": 1,
    })
    return Object.assign(client, { [Symbol.dispose]: () => client.close() })
}

export const { v1, health, reflection } = loadWire()

/** A unary call as a promise. */
export async function ask<Res>(call: (callback: requestCallback<Res>) => unknown): Promise<Res> {
    return new Promise((resolve, reject) => {
        call((error, response) => {
            if (error !== null) reject(error)
            else if (response === undefined) reject(new Error("no answer"))
            else resolve(response)
        })
    })
}

/** The error a call ends with. */
export async function askRefused(
    call: (callback: requestCallback<unknown>) => unknown,
): Promise<ServiceError & { readonly trustkeyCode: string }> {
    return new Promise((resolve, reject) => {
        call((error) => {
            if (error === null) reject(new Error("it was not refused"))
            else resolve(Object.assign(error, { trustkeyCode: String(error.metadata.get("trustkeyd-code")[0] ?? "") }))
        })
    })
}

export type RawClient = Disposable & { readonly session: ClientHttp2Session; post(method: string): ClientHttp2Stream }

/** HTTP/2 by hand, for what no gRPC client would do. */
export function openHttp2(socketPath: string): RawClient {
    const session = connectHttp2("http://localhost", { createConnection: () => connect(socketPath) })
    session.on("error", () => {})
    const post = (method: string): ClientHttp2Stream => {
        const stream = session.request({ ":method": "POST", ":path": method, "content-type": "application/grpc", te: "trailers" })
        stream.on("error", () => {})
        return stream
    }
    return { session, post, [Symbol.dispose]: () => session.destroy() }
}

/** gRPC over HTTP/2: an uncompressed length-prefixed message. */
export function grpcMessage(content: Uint8Array): Buffer {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(content.length, 1)
    return Buffer.concat([head, content])
}
