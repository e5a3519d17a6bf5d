import { createServer, type Server, type Socket } from "node:net"
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js"
import type { Custody } from "../custody/index.ts"
import type { Principal, SocketKind } from "../policy/index.ts"
import type { NameLookup } from "../storage/index.ts"
import { loadWire } from "../wire/load.ts"
import { type Connection, openConnection, type Shared, servicesOf, TIMEOUTS, type Timeouts } from "./connection.ts"
import { Health } from "./health.ts"
import { type Log, QuietLog } from "./log.ts"
import { readPeerCredentials } from "./peer-credentials.ts"
import { reflectionHandlers } from "./reflection.ts"
import { listenAt, type SocketPlace } from "./socket-file.ts"

export type ServeLimits = {
    readonly maxPayloadBytes: number
    /** Of all sockets together. */
    readonly maxConnections: number
    readonly maxRequestsPerConnection: number
    readonly requestTimeoutMs: number
}

export type ServeOptions = {
    readonly sockets: readonly (SocketPlace & { readonly kind: SocketKind })[]
    readonly custody: Custody
    readonly names: Pick<NameLookup, "userName">
    readonly limits: ServeLimits
    readonly log: Log
    readonly version: string
    readonly now: () => Date
    /** Only tests are in a hurry. */
    readonly timeouts?: Timeouts
}

export type RunningServer = {
    /** Take no new connections and requests, give those that run this long, then cut off what is left. */
    close(graceMilliseconds: number): Promise<void>
}

/**
 * Before a message is complete nobody asks whether its sender may send it, and gRPC would hold 64 of 25 MB for each connection.
 * When that much memory is in use, who alone has that much on the way loses his largest connection.
 */
const MOST_ARRIVING_BYTES = 256 * 1024 * 1024
const LOOK_AT_ARRIVING_MS = 100

type Open = { readonly socket: Socket; readonly uid: number; readonly connection: Connection }

/**
 * Listen on all sockets. When it resolves, all of them answer.
 *
 * @throws state_in_use: somebody answers on a socket already. config_invalid: a socket can't be made. None is left behind.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
    // grpc-js writes a line to stderr for each malformed header: a stranger could fill the journal, with words of his choice.
    setLogVerbosity(logVerbosity.NONE)
    const door = new Door(options)
    try {
        for (const place of options.sockets) await door.listen(place)
    } catch (error) {
        await door.close(0)
        throw error
    }
    options.log({ level: "info", message: "listening", version: options.version, sockets: options.sockets.map(({ kind }) => kind) })
    return { close: (grace) => door.close(grace) }
}

class Door {
    readonly #options: ServeOptions
    readonly #shared: Shared
    readonly #quiet: QuietLog
    readonly #listeners: Server[] = []
    readonly #open = new Set<Open>()
    // Only while there is somebody to look at: an idle daemon does not wake.
    #watch: NodeJS.Timeout | undefined

    constructor(options: ServeOptions) {
        const wire = loadWire()
        const services = Object.keys(wire.definition).filter((name) => name.startsWith("trustkeyd.") && isService(wire.definition[name]))
        this.#options = options
        this.#quiet = new QuietLog(options.log, options.now)
        this.#shared = {
            services: servicesOf(wire),
            custody: options.custody,
            health: new Health(services),
            reflection: reflectionHandlers(wire.definition, [...services, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"]),
            timeouts: options.timeouts ?? TIMEOUTS,
        }
    }

    async listen(place: SocketPlace & { readonly kind: SocketKind }): Promise<void> {
        const listener = createServer((socket) => this.#accept(socket, place.kind))
        await listenAt(listener, place)
        // Out of descriptors, for example. Without a listener it would end the process.
        listener.on("error", (error) => this.#quiet.warn("a connection could not be accepted", { error }))
        this.#listeners.push(listener)
    }

    /** Not a byte of the peer's is read before it is known who it is and that there is room. */
    #accept(socket: Socket, kind: SocketKind): void {
        // Whatever happens to a socket ends in its closing, which is noticed elsewhere.
        socket.on("error", () => {})
        const principal = this.#identify(socket, kind)
        if (principal === undefined || !this.#hasRoom(principal)) {
            socket.destroy()
            return
        }
        const { limits, log } = this.#options
        const caller = {
            principal,
            log,
            maxPayloadBytes: limits.maxPayloadBytes,
            maxRequests: limits.maxRequestsPerConnection,
            requestTimeoutMs: limits.requestTimeoutMs,
        }
        const open = { socket, uid: principal.uid, connection: openConnection(socket, caller, this.#shared) }
        this.#open.add(open)
        this.#watch ??= setInterval(() => this.#limitArriving(), LOOK_AT_ARRIVING_MS).unref()
        socket.once("close", () => this.#forget(open))
    }

    #forget(open: Open): void {
        this.#open.delete(open)
        if (this.#open.size > 0) return
        clearInterval(this.#watch)
        this.#watch = undefined
    }

    #identify(socket: Socket, kind: SocketKind): Principal | undefined {
        try {
            const { pid, uid, gids } = readPeerCredentials(socket)
            const userName = this.#options.names.userName(uid)
            const name = userName === undefined ? `uid:${uid}` : `uid:${uid}(${userName})`
            return Object.freeze({ kind: "unix", uid, gids: Object.freeze(gids), pid, name, socket: kind })
        } catch (error) {
            this.#quiet.warn("a peer could not be identified", { socket: kind, error })
            return undefined
        }
    }

    #hasRoom(principal: Principal): boolean {
        const most = this.#options.limits.maxConnections
        if (this.#open.size >= most) {
            this.#quiet.warn("too many connections", { caller: principal.name, most })
            return false
        }
        // One user alone must not be able to lock everybody else out.
        const mostOfOne = Math.ceil(most / 2)
        const ofThisOne = Array.from(this.#open).filter(({ uid }) => uid === principal.uid).length
        if (ofThisOne < mostOfOne) return true
        this.#quiet.warn("too many connections of one user", { caller: principal.name, most: mostOfOne })
        return false
    }

    #limitArriving(): void {
        if (this.#open.size === 0 || process.memoryUsage().arrayBuffers < MOST_ARRIVING_BYTES) return
        const byUser = Map.groupBy(this.#open, ({ uid }) => uid)
        for (const connections of byUser.values()) {
            connections.sort((a, b) => b.connection.arriving - a.connection.arriving)
            let arriving = connections.reduce((sum, { connection }) => sum + connection.arriving, 0)
            for (const { socket, connection, uid } of connections) {
                if (arriving <= MOST_ARRIVING_BYTES) break
                arriving -= connection.arriving
                this.#quiet.warn("too much of one user's requests is on the way", { caller: `uid:${uid}`, most: MOST_ARRIVING_BYTES })
                socket.destroy()
            }
        }
    }

    async close(graceMilliseconds: number): Promise<void> {
        clearInterval(this.#watch)
        this.#shared.health.stop()
        // Closing a listener removes its socket file, unless systemd made it.
        const closed = this.#listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())))
        for (const { connection } of this.#open) connection.drain(graceMilliseconds)
        const timer = setTimeout(() => {
            for (const { socket } of this.#open) socket.destroy()
        }, graceMilliseconds)
        await Promise.all(closed)
        clearTimeout(timer)
    }
}

function isService(definition: object | undefined): boolean {
    return definition !== undefined && !("format" in definition)
}
