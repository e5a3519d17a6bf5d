import { Client, credentials, Metadata } from "@grpc/grpc-js"
import { CHANNEL_OPTIONS, loadWire } from "../src/wire/load.ts"
import type { SignResponse__Output } from "../src/wire/trustkeyd/v1/SignResponse.ts"
import type { Job, Order, Outcome, Place, SetPlace } from "./load.ts"
import { percentile } from "./statistics.ts"

// Requests are built and encoded before the clock starts: what is measured is the daemon, as far as one process can show it.

type Request = { readonly encoded: Buffer; readonly signatures: number }

/** What one caller can send in the time; more than any daemon answers, and what is left over is thrown away. */
const UNARY_PER_SECOND = 8_000
const STREAM_PER_SECOND = 40_000
const SETS_PER_SECOND = 4_000

const { Sign, SignStream, SignSet } = loadWire().v1.Signing.service
const versions = new Map<string, number>()

process.on("message", (order: Order) => {
    run(order).then(
        (outcome) => process.send?.(outcome),
        (error: unknown) => {
            console.error(error)
            process.exit(1)
        },
    )
})

function run({ socket, milliseconds, job }: Order): Promise<Outcome> {
    switch (job.kind) {
        case "unary":
            return unary(socket, milliseconds, job)
        case "stream":
            return stream(socket, milliseconds, job)
        case "set":
            return sets(socket, milliseconds, job)
    }
}

async function unary(socket: string, milliseconds: number, { callers, places }: Job & { kind: "unary" }): Promise<Outcome> {
    const count = Math.ceil((milliseconds / 1000) * (UNARY_PER_SECOND / Math.min(callers, 4)))
    const queues = Array.from({ length: callers }, (_, caller) => {
        // Each caller has places of its own: two versions of one role must not overtake each other.
        const own = places.filter((_, index) => index % callers === caller)
        return build(count, own, (place) => ({ encoded: encodeSign(place, 0), signatures: 1 }))
    })
    const clients = queues.map(() => connect(socket))
    return measure(milliseconds, queues, clients, Sign.path)
}

async function sets(socket: string, milliseconds: number, { callers, sets }: Job & { kind: "set" }): Promise<Outcome> {
    const count = Math.ceil(((milliseconds / 1000) * SETS_PER_SECOND) / callers)
    const queues = Array.from({ length: callers }, (_, caller) => {
        const own = sets.filter((_, index) => index % callers === caller)
        return build(count, own, (set) => ({ encoded: encodeSet(set), signatures: set.places.length + 1 }))
    })
    const client = connect(socket)
    return measure(
        milliseconds,
        queues,
        queues.map(() => client),
        SignSet.path,
    )
}

/** Callers who each wait for their answer before they ask again. */
async function measure(
    milliseconds: number,
    queues: readonly (readonly Request[])[],
    clients: readonly Client[],
    method: string,
): Promise<Outcome> {
    await Promise.all(clients.map(ready))
    const latencies: number[] = []
    let signatures = 0
    const start = performance.now()
    const caller = async (client: Client, queue: readonly Request[]): Promise<void> => {
        for (const request of queue) {
            const asked = performance.now()
            if (asked - start > milliseconds) return
            await call(client, method, request.encoded)
            latencies.push(performance.now() - asked)
            signatures += request.signatures
        }
    }
    await Promise.all(clients.map((client, index) => caller(client, queues[index] ?? [])))
    const seconds = (performance.now() - start) / 1000
    for (const client of new Set(clients)) client.close()
    return { signatures, seconds, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
}

async function stream(socket: string, milliseconds: number, { depth, places }: Job & { kind: "stream" }): Promise<Outcome> {
    const count = Math.ceil((milliseconds / 1000) * STREAM_PER_SECOND)
    const requests = build(count, places, (place, tag) => encodeSign(place, tag))
    const client = connect(socket)
    await ready(client)
    const call = client.makeBidiStreamRequest(SignStream.path, (bytes: Buffer) => bytes, SignStream.responseDeserialize, new Metadata())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const sentAt = new Float64Array(count)
    const latencies: number[] = []
    let sent = 0
    const start = performance.now()
    const send = (): void => {
        const request = requests[sent]
        const now = performance.now()
        if (request === undefined || now - start > milliseconds) {
            call.end()
            return
        }
        sentAt[sent] = now
        sent += 1
        call.write(request)
    }
    call.on("data", ({ tag, errorCode, errorMessage }: SignResponse__Output) => {
        if (errorCode !== "") reject(new Error(`${errorCode}: ${errorMessage}`))
        latencies.push(performance.now() - (sentAt[tag] ?? 0))
        send()
    })
    call.on("error", reject)
    call.on("end", resolve)
    for (let i = 0; i < depth; i++) send()
    await promise
    const seconds = (performance.now() - start) / 1000
    client.close()
    return { signatures: latencies.length, seconds, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
}

function build<P, T>(count: number, places: readonly P[], make: (place: P, index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => {
        const place = places[index % places.length]
        if (place === undefined) throw new Error("there are fewer places than callers")
        return make(place, index)
    })
}

function nextVersion(gun: string, role: string): number {
    const version = (versions.get(`${gun} ${role}`) ?? 1) + 1
    versions.set(`${gun} ${role}`, version)
    return version
}

function freshBody({ gun, role, body }: Place): Buffer {
    return Buffer.from(`${body}${nextVersion(gun, role)}}`, "utf8")
}

function encodeSign(place: Place, tag: number): Buffer {
    const { keyId, gun, role } = place
    return Sign.requestSerialize({ keyId, gun, role, signed: freshBody(place), tag })
}

function encodeSet({ gun, places, snapshotKeyId, expires }: SetPlace): Buffer {
    return SignSet.requestSerialize({
        gun,
        bodies: places.map((place) => ({ role: place.role, signed: freshBody(place), keyIds: [place.keyId] })),
        snapshot: { version: nextVersion(gun, "snapshot"), expires, keyIds: [snapshotKeyId] },
    })
}

function connect(socket: string): Client {
    // Otherwise all clients of this process would share one connection.
    return new Client(`unix:${socket}`, credentials.createInsecure(), { ...CHANNEL_OPTIONS, "grpc.use_local_subchannel_pool": 1 })
}

function ready(client: Client): Promise<void> {
    return new Promise((resolve, reject) => {
        client.waitForReady(Date.now() + 10_000, (error) => (error === undefined ? resolve() : reject(error)))
    })
}

function call(client: Client, method: string, request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
            method,
            (bytes: Buffer) => bytes,
            (bytes: Buffer) => bytes,
            request,
            new Metadata(),
            (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
        )
    })
}
