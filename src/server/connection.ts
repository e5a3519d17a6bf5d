import type { Socket } from "node:net"
import {
    ResponderBuilder,
    Server,
    ServerCredentials,
    ServerInterceptingCall,
    type ServerInterceptor,
    ServerListenerBuilder,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js"
import type { Custody } from "../custody/index.ts"
import type { Wire } from "../wire/load.ts"
import { secretsHandlers, statusHandlers } from "./handlers/daemon.ts"
import { keysHandlers } from "./handlers/keys.ts"
import { auditHandlers, journalHandlers } from "./handlers/records.ts"
import { signingHandlers } from "./handlers/signing.ts"
import { tokensHandlers } from "./handlers/tokens.ts"
import { trustHandlers } from "./handlers/trust.ts"
import type { Health } from "./health.ts"
import type { Caller } from "./unary.ts"

export type Timeouts = {
    /** For the first bytes of HTTP/2. */
    readonly helloMs: number
    /** Without a request. */
    readonly idleMs: number
    /** A connection's life; what runs at its end gets `ageGraceMs` more. */
    readonly ageMs: number
    readonly ageGraceMs: number
}

/** Nobody holds a place for ever: a client library connects anew by itself. */
export const TIMEOUTS: Timeouts = { helloMs: 10_000, idleMs: 5 * 60_000, ageMs: 60 * 60_000, ageGraceMs: 10 * 60_000 }

const KEEPALIVE_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000
/** The client's preface and an empty SETTINGS frame (RFC 9113 §3.4). */
const HELLO_BYTES = 24 + 9
/** Of frames and headers HTTP/2 holds for one connection, in MB; what is over it, is refused (ENHANCE_YOUR_CALM). */
const SESSION_MEMORY_MB = 64
/** A set has the published files and the new bodies: the targets twice, and whatever is around them. */
const PAYLOADS_PER_MESSAGE = 3
const MESSAGE_SLACK_BYTES = 1024 * 1024

export type Shared = {
    readonly wire: Wire
    readonly custody: Custody
    readonly health: Health
    /** Admin socket only. */
    readonly reflection: UntypedServiceImplementation
    readonly timeouts: Timeouts
}

export type Connection = {
    /** No new requests; those that run have this long. */
    drain(graceMilliseconds: number): void
}

/**
 * gRPC on one accepted socket, whose handlers already hold the Principal: who is calling is an argument, never something looked
 * up. Creating this takes about a tenth of a millisecond.
 *
 * grpc-js makes an HTTP/2 server for it. Node's own limits hold there: resets (1000, then 33 a second), invalid frames, settings
 * entries, header pairs; nghttp2 ends a session with 1000 unanswered acknowledgements (floods of PING and SETTINGS).
 */
export function openConnection(socket: Socket, caller: Caller, shared: Shared): Connection {
    const { timeouts } = shared
    const server = new Server({
        "grpc.enable_channelz": 0,
        "grpc.max_concurrent_streams": caller.maxRequests,
        "grpc.max_receive_message_length": caller.maxPayloadBytes * PAYLOADS_PER_MESSAGE + MESSAGE_SLACK_BYTES,
        "grpc.max_send_message_length": -1,
        "grpc.max_connection_idle_ms": timeouts.idleMs,
        "grpc.keepalive_time_ms": KEEPALIVE_MS,
        "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
        "grpc-node.max_session_memory": SESSION_MEMORY_MB,
        interceptors: [receivedInTime(socket, caller.requestTimeoutMs)],
    })
    addServices(server, caller, shared)
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    const hello = setTimeout(() => {
        if (socket.bytesRead < HELLO_BYTES) socket.destroy()
    }, timeouts.helloMs)
    // grpc-js has this too, but with a random part: Node keeps a list for every duration ever used until that time has passed,
    // so each short connection would cost memory for an hour.
    const age = setTimeout(() => injector.drain(timeouts.ageGraceMs), timeouts.ageMs)
    socket.once("close", () => {
        clearTimeout(hello)
        clearTimeout(age)
        injector.destroy()
    })
    injector.injectConnection(socket)
    return { drain: (grace) => injector.drain(grace) }
}

function addServices(server: Server, caller: Caller, { wire, custody, health, reflection }: Shared): void {
    server.addService(wire.v1.Keys.service, keysHandlers(custody, caller))
    server.addService(wire.v1.Signing.service, signingHandlers(custody, caller))
    server.addService(wire.v1.Trust.service, trustHandlers(custody, caller))
    server.addService(wire.v1.Tokens.service, tokensHandlers(custody, caller))
    server.addService(wire.v1.Secrets.service, secretsHandlers(custody, caller))
    server.addService(wire.v1.Journal.service, journalHandlers(custody, caller))
    server.addService(wire.v1.Audit.service, auditHandlers(custody, caller))
    server.addService(wire.v1.Status.service, statusHandlers(custody, caller))
    server.addService(wire.health.Health.service, health.handlers())
    if (caller.principal.socket === "admin") server.addService(wire.reflection.ServerReflection.service, reflection)
}

/**
 * A request that begins and never ends would be held in memory for ever, since no handler runs before its message is complete.
 * Whoever takes longer than a request may take loses the connection.
 */
function receivedInTime(socket: Socket, milliseconds: number): ServerInterceptor {
    const timers = new Set<NodeJS.Timeout>()
    const stop = (timer: NodeJS.Timeout): void => {
        clearTimeout(timer)
        timers.delete(timer)
    }
    // A call that is gone before it has started tells nobody.
    socket.once("close", () => timers.forEach(stop))
    return (method, call) => {
        const responder = new ResponderBuilder()
        if (!method.requestStream) {
            const timer = setTimeout(() => socket.destroy(), milliseconds)
            timers.add(timer)
            const listener = new ServerListenerBuilder()
                .withOnReceiveHalfClose((next) => {
                    stop(timer)
                    next()
                })
                .withOnCancel(() => stop(timer))
                .build()
            responder.withStart((next) => next(listener))
        }
        return new ServerInterceptingCall(call, responder.build())
    }
}
