import type { Socket } from "node:net"
import {
    ResponderBuilder,
    Server,
    ServerCredentials,
    ServerInterceptingCall,
    type ServerInterceptingCallInterface,
    type ServerInterceptor,
    ServerListenerBuilder,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js"
import type { Custody } from "../custody/index.ts"
import type { Wire } from "../wire/load.ts"
import { limitFields } from "./field-limit.ts"
import { backupsHandlers } from "./handlers/backups.ts"
import { ceremoniesHandlers } from "./handlers/ceremonies.ts"
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

/** What is offered, each message limited in its fields. */
export type Services = ReturnType<typeof servicesOf>

export function servicesOf({ v1, health, reflection, definition }: Wire) {
    return {
        Keys: limitFields(v1.Keys.service, definition),
        Signing: limitFields(v1.Signing.service, definition),
        Ceremonies: limitFields(v1.Ceremonies.service, definition),
        Backups: limitFields(v1.Backups.service, definition),
        Trust: limitFields(v1.Trust.service, definition),
        Tokens: limitFields(v1.Tokens.service, definition),
        Secrets: limitFields(v1.Secrets.service, definition),
        Journal: limitFields(v1.Journal.service, definition),
        Audit: limitFields(v1.Audit.service, definition),
        Status: limitFields(v1.Status.service, definition),
        Health: limitFields(health.Health.service, definition),
        ServerReflection: limitFields(reflection.ServerReflection.service, definition),
    }
}

export type Shared = {
    readonly services: Services
    readonly custody: Custody
    readonly health: Health
    /** Admin socket only. */
    readonly reflection: UntypedServiceImplementation
    readonly timeouts: Timeouts
}

export type Connection = {
    /** No new requests; those that run have this long. */
    drain(graceMilliseconds: number): void
    /** At most so many bytes are held of requests that have begun and are not complete: what came since the first of them began. */
    readonly arriving: number
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
    const arrivals = new Map<object, number>()
    const server = new Server({
        "grpc.enable_channelz": 0,
        "grpc.max_concurrent_streams": caller.maxRequests,
        "grpc.max_receive_message_length": caller.maxPayloadBytes * PAYLOADS_PER_MESSAGE + MESSAGE_SLACK_BYTES,
        "grpc.max_send_message_length": -1,
        "grpc.max_connection_idle_ms": timeouts.idleMs,
        "grpc.keepalive_time_ms": KEEPALIVE_MS,
        "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
        "grpc-node.max_session_memory": SESSION_MEMORY_MB,
        interceptors: [uncompressed, receivedInTime(socket, caller.requestTimeoutMs), noteArrivals(socket, arrivals)],
    })
    const leaving = new AbortController()
    addServices(server, caller, shared, leaving.signal)
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    const hello = setTimeout(() => {
        if (socket.bytesRead < HELLO_BYTES) socket.destroy()
    }, timeouts.helloMs)
    // grpc-js has this too, but with a random part: Node keeps a list for every duration ever used until that time has passed,
    // so each short connection would cost memory for an hour.
    const drain = (graceMs: number): void => {
        // A stream of events has no end of its own.
        leaving.abort()
        injector.drain(graceMs)
    }
    const age = setTimeout(() => drain(timeouts.ageGraceMs), timeouts.ageMs)
    socket.once("close", () => {
        clearTimeout(hello)
        clearTimeout(age)
        arrivals.clear()
        leaving.abort()
        injector.destroy()
    })
    injector.injectConnection(socket)
    return {
        drain,
        get arriving() {
            return arrivals.size === 0 ? 0 : socket.bytesRead - Math.min(...arrivals.values())
        },
    }
}

function addServices(server: Server, caller: Caller, shared: Shared, leaving: AbortSignal): void {
    const { services, custody, health, reflection } = shared
    server.addService(services.Keys, keysHandlers(custody, caller))
    server.addService(services.Signing, signingHandlers(custody, caller))
    server.addService(services.Ceremonies, ceremoniesHandlers(custody, caller))
    server.addService(services.Backups, backupsHandlers(custody, caller))
    server.addService(services.Trust, trustHandlers(custody, caller))
    server.addService(services.Tokens, tokensHandlers(custody, caller, leaving))
    server.addService(services.Secrets, secretsHandlers(custody, caller))
    server.addService(services.Journal, journalHandlers(custody, caller))
    server.addService(services.Audit, auditHandlers(custody, caller))
    server.addService(services.Status, statusHandlers(custody, caller))
    server.addService(services.Health, health.handlers())
    if (caller.principal.socket === "admin") server.addService(services.ServerReflection, reflection)
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

/** How far the connection had been read when each request that is still arriving began, or a stream's last message was complete. */
function noteArrivals(socket: Socket, arrivals: Map<object, number>): ServerInterceptor {
    return (_method, call) => {
        const request = {}
        const listener = new ServerListenerBuilder()
            .withOnReceiveMessage((message, next) => {
                arrivals.set(request, socket.bytesRead)
                next(message)
            })
            .withOnReceiveHalfClose((next) => {
                arrivals.delete(request)
                next()
            })
            .withOnCancel(() => arrivals.delete(request))
            .build()
        const responder = new ResponderBuilder().withStart((next) => {
            arrivals.set(request, socket.bytesRead)
            next(listener)
        })
        return new ServerInterceptingCall(call, responder.build())
    }
}

/**
 * 24 KB of gzip become 24 MB here before anybody is asked who sent them, in as many requests at once as there is room for. No client of
 * ours compresses, over a socket of the same machine. grpc-js has no option for it; an encoding it doesn't know is answered UNIMPLEMENTED.
 */
function uncompressed(_method: unknown, call: ServerInterceptingCallInterface): ServerInterceptingCall {
    if (Reflect.get(call, "incomingEncoding") !== "identity") Reflect.set(call, "incomingEncoding", "compression")
    return new ServerInterceptingCall(call)
}
