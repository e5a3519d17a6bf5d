import { readFile } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { Random } from "./random.ts"
import { ask, connectTo, health, v1 } from "./server.ts"

export type FloodOptions = {
    readonly socketPath: string
    /** Resident memory of the process that listens there, in bytes. */
    readonly rss: () => Promise<number>
    /** Malformed things to send: byte streams, frames, messages. */
    readonly count: number
    readonly seed: number
}

export type FloodResult = {
    readonly sent: number
    readonly seconds: number
    /** Resident memory after a tenth and at the end, in bytes. */
    readonly rssAtTenth: number
    readonly rssAtEnd: number
    /** The longest a health check took meanwhile, in milliseconds. */
    readonly slowestCheckMs: number
}

const CONCURRENT = 24
const PATIENCE_MS = 1000

/**
 * Send what no client would send, on many connections at once, and see whether the server still answers and how much memory it
 * has afterwards. Fails when a health check fails or the process is gone. The same seed sends the same things.
 */
export async function flood(options: FloodOptions): Promise<FloodResult> {
    const started = performance.now()
    const random = new Random(options.seed)
    let sent = 0
    let slowestCheckMs = 0
    const attackUntil = async (count: number): Promise<number> => {
        const attack = async (): Promise<void> => {
            while (sent < count) {
                const [bytes, things] = nextAttack(random)
                sent += things
                await send(options.socketPath, bytes)
            }
        }
        const watch = async (): Promise<void> => {
            while (sent < count) {
                slowestCheckMs = Math.max(slowestCheckMs, await check(options.socketPath))
                await sleep(20)
            }
        }
        await Promise.all([watch(), ...Array.from({ length: CONCURRENT }, attack)])
        // What the last connections held is given free when their closing has been noticed.
        await sleep(1000)
        slowestCheckMs = Math.max(slowestCheckMs, await check(options.socketPath))
        return options.rss()
    }
    const rssAtTenth = await attackUntil(options.count / 10)
    const rssAtEnd = await attackUntil(options.count)
    return { sent, seconds: (performance.now() - started) / 1000, rssAtTenth, rssAtEnd, slowestCheckMs }
}

async function check(socketPath: string): Promise<number> {
    using client = connectTo(health.Health, socketPath)
    const started = performance.now()
    const { status } = await ask(client.check.bind(client, { service: "" }))
    if (status !== "SERVING") throw new Error(`the server says ${status}`)
    return performance.now() - started
}

/** Of any process. What it holds includes garbage that has not been collected yet. */
export async function residentMemory(pid: number): Promise<number> {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? []
    if (kilobytes === undefined) throw new Error("the process is gone")
    return Number(kilobytes) * 1024
}

async function send(socketPath: string, bytes: Buffer): Promise<void> {
    const socket: Socket = connect(socketPath)
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on("error", () => {})
    socket.on("close", () => resolve())
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.resume()
    socket.end(bytes)
    await promise
}

// RFC 9113 §3.4 and §4.1
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION] = [0, 1, 3, 4, 6, 8, 9]
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4]

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head.writeUInt8(type, 3)
    head.writeUInt8(flags, 4)
    head.writeUInt32BE(stream, 5)
    return Buffer.concat([head, payload])
}

const HELLO = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0)), frame(SETTINGS, ACK, 0, Buffer.alloc(0))])

/** HPACK without its tables: literal fields, not Huffman-coded (RFC 7541 §6.2.2). */
function headers(fields: readonly (readonly [string, string])[]): Buffer {
    const literal = (text: string): Buffer => {
        const bytes = Buffer.from(text, "latin1")
        return Buffer.concat([hpackLength(bytes.length), bytes])
    }
    return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))
}

/** RFC 7541 §5.1 with a prefix of 7 bits. */
function hpackLength(length: number): Buffer {
    if (length < 127) return Buffer.from([length])
    const bytes = [127]
    let rest = length - 127
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
    return Buffer.from([...bytes, rest])
}

function message(content: Uint8Array, compressed: number, announced = content.length): Buffer {
    const head = Buffer.alloc(5)
    head.writeUInt8(compressed, 0)
    head.writeUInt32BE(announced >>> 0, 1)
    return Buffer.concat([head, content])
}

function requestHeaders(path: string, more: readonly (readonly [string, string])[] = []): Buffer {
    return headers([
        [":method", "POST"],
        [":scheme", "http"],
        [":path", path],
        [":authority", "localhost"],
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ...more,
    ])
}

const METHODS: readonly [string, ...string[]] = [
    "/trustkeyd.v1.Signing/Sign",
    "/trustkeyd.v1.Signing/SignStream",
    "/trustkeyd.v1.Signing/SignSet",
    "/trustkeyd.v1.Keys/Create",
    "/trustkeyd.v1.Keys/Unlock",
    "/trustkeyd.v1.Keys/List",
    "/trustkeyd.v1.Trust/Observe",
    "/trustkeyd.v1.Journal/Show",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
]

const VALID = v1.Signing.service.SignSet.requestSerialize({
    gun: "registry.example.com/team/app",
    published: [{ role: "root", content: Buffer.from('{"signed":{},"signatures":[]}') }],
    bodies: [{ role: "targets", signed: Buffer.from("{}"), keyIds: ["ab".repeat(32)], signatures: [{ keyid: "ab", method: "ecdsa" }] }],
    snapshot: { version: 1, expires: "2030-01-01T00:00:00Z" },
})

/** Small until it is unpacked. */
const BOMB = gzipSync(Buffer.alloc(8 * 1024 * 1024))

type Attack = readonly [bytes: Buffer, things: number]

function nextAttack(random: Random): Attack {
    const attacks: readonly [() => Attack, ...(() => Attack)[]] = [
        () => [random.bytes(2000), 1],
        () => [Buffer.concat([PREFACE.subarray(0, random.below(PREFACE.length + 1)), random.bytes(500)]), 1],
        () => [Buffer.concat([HELLO, random.bytes(2000)]), 1],
        () => several(random, 20, () => randomFrame(random)),
        () => several(random, 20, (index) => strangeHeaders(random, 1 + 2 * index)),
        () => several(random, 20, (index) => malformedMessage(random, 1 + 2 * index)),
        () => several(random, 20, (index) => malformedMessage(random, 1 + 2 * index)),
        () => several(random, 20, (index) => malformedMessage(random, 1 + 2 * index)),
        () => rarely(random, () => controlFlood(random)),
    ]
    return random.one(attacks)()
}

/** Floods are thousands of frames each, so one counts for many. */
function rarely(random: Random, attack: () => Buffer): Attack {
    return random.below(8) === 0 ? [attack(), 200] : [random.bytes(100), 1]
}

function several(random: Random, most: number, make: (index: number) => Buffer): Attack {
    const parts = Array.from({ length: 1 + random.below(most) }, (_, index) => make(index))
    return [Buffer.concat([HELLO, ...parts]), parts.length]
}

function randomFrame(random: Random): Buffer {
    const payload = random.bytes(random.one([0, 4, 8, 100, 3000]))
    const made = frame(random.below(12), random.below(256), random.below(8), payload)
    // Sometimes the length lies.
    if (random.below(8) === 0) made.writeUIntBE(random.below(0x1000000), 0, 3)
    return made
}

function strangeHeaders(random: Random, stream: number): Buffer {
    const text = (): string => random.bytes(60).toString("latin1")
    const block = random.one([
        () => requestHeaders(`/${text()}`),
        () => requestHeaders(random.one(METHODS), [[text(), text()]]),
        () => requestHeaders(random.one(METHODS), [["grpc-timeout", random.one(["", "x", "99999999H", "-1S", "1n", text()])]]),
        () => requestHeaders(random.one(METHODS), [["grpc-encoding", random.one(["gzip", "deflate", "br", "%", text()])]]),
        () =>
            requestHeaders(random.one(METHODS), [
                ["x-bin", text()],
                ["x-bin", "!!!"],
                ["grpc-status", "99"],
            ]),
        () =>
            headers([
                [":method", text()],
                [":path", text()],
                ["content-type", text()],
            ]),
        () => headers([["content-type", "application/grpc"]]),
        () =>
            requestHeaders(
                random.one(METHODS),
                Array.from({ length: random.below(300) }, (_, index) => [`x-${index}`, "y"] as const),
            ),
        () => random.bytes(200),
    ])()
    return frame(HEADERS, END_HEADERS | random.one([0, END_STREAM]), stream, block)
}

function malformedMessage(random: Random, stream: number): Buffer {
    const encoding = random.one(["identity", "gzip", "deflate", "br"])
    const start = frame(HEADERS, END_HEADERS, stream, requestHeaders(random.one(METHODS), [["grpc-encoding", encoding]]))
    const content = random.one([
        () => message(random.bytes(300), 0),
        () => message(mutated(random, VALID), 0),
        () => message(VALID, 0, random.below(0x1_0000_0000)),
        () => message(random.bytes(100), 1),
        () => message(mutated(random, gzipSync(VALID)), 1),
        () => message(random.below(10) === 0 ? BOMB : VALID, 1),
        () => message(VALID, random.below(256)),
        () => Buffer.concat([message(VALID, 0), message(VALID, 0), message(random.bytes(10), 0)]),
        () => random.bytes(20),
    ])()
    return Buffer.concat([start, frame(DATA, random.one([0, END_STREAM, END_STREAM]), stream, content.subarray(0, 16_384))])
}

function mutated(random: Random, bytes: Uint8Array): Buffer {
    const copy = Buffer.from(bytes)
    for (let times = 1 + random.below(8); times > 0; times -= 1) copy[random.below(copy.length)] = random.below(256)
    return copy.subarray(0, random.below(4) === 0 ? random.below(copy.length) : copy.length)
}

function controlFlood(random: Random): Buffer {
    const many = (count: number, make: (index: number) => Buffer): Buffer =>
        Buffer.concat([HELLO, ...Array.from({ length: count }, (_, index) => make(index))])
    const open = (index: number, flags: number): Buffer => frame(HEADERS, flags, 1 + 2 * index, requestHeaders(random.one(METHODS)))
    const cancel = Buffer.from([0, 0, 0, 8])
    return random.one([
        () => many(5000, () => frame(PING, 0, 0, Buffer.alloc(8))),
        () => many(5000, () => frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))),
        // CVE-2023-44487, "rapid reset"
        () => many(2000, (index) => Buffer.concat([open(index, END_HEADERS), frame(RST_STREAM, 0, 1 + 2 * index, cancel)])),
        () => many(500, (index) => open(index, END_HEADERS)),
        // CVE-2024-27316, CONTINUATION without end
        () =>
            many(1, (index) =>
                Buffer.concat([open(index, 0), ...Array(2000).fill(frame(CONTINUATION, 0, 1, headers([["x", "y".repeat(100)]])))]),
            ),
        () => many(3000, () => frame(WINDOW_UPDATE, 0, 0, Buffer.from([0, 0, 0, 1]))),
        () => many(1, () => Buffer.concat([open(0, END_HEADERS), ...Array(3000).fill(frame(DATA, 0, 1, Buffer.alloc(0)))])),
    ])()
}
