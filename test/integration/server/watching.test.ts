import assert from "node:assert/strict"
import { once } from "node:events"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { type ClientReadableStream, type StatusObject, status } from "@grpc/grpc-js"
import type { Custody } from "../../../src/custody/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { TouchEvent, TouchListener } from "../../../src/keys/index.ts"
import { parseGun, parseRoleName } from "../../../src/tuf/index.ts"
import type { TokenEvent__Output } from "../../../src/wire/trustkeyd/v1/TokenEvent.ts"
import { fakeCustody } from "../../support/fake-custody.ts"
import { connectTo, grpcMessage, openHttp2, startTestServer, v1 } from "../../support/server.ts"

const EVENT: TouchEvent = {
    id: 7,
    kind: "touch-awaited",
    key: { token: "root", serial: "12345678", slot: "9c", keyId: "ab".repeat(32), label: "root 2026", touchPolicy: "always" },
    purpose: { gun: parseGun("registry.example.com/app"), role: parseRoleName("root"), version: 2 },
    difference: ["version 1 becomes 2"],
    askers: [{ kind: "unix", uid: 1000, gids: [], pid: 1, name: "uid:1000(alice)", socket: "sign" }],
    deadline: new Date("2026-11-21T09:00:15Z"),
}

/** A custody whose touches the test tells. */
class Feed {
    readonly custody: Custody
    readonly asked: { readonly own: boolean; readonly socket: string }[] = []
    readonly #listeners = new Set<TouchListener>()

    constructor() {
        this.custody = fakeCustody({
            watchTouches: ({ socket }, { own }, listener) => {
                this.asked.push({ own, socket })
                this.#listeners.add(listener)
                return () => this.#listeners.delete(listener)
            },
        })
    }

    get listening(): number {
        return this.#listeners.size
    }

    tell(event: TouchEvent = EVENT): void {
        for (const listener of this.#listeners) listener(event)
    }

    async until(listening: number): Promise<void> {
        for (let i = 0; this.listening !== listening; i += 1) {
            assert.ok(i < 400, `${this.listening} listen, and not ${listening}`)
            await sleep(25)
        }
    }
}

type Watched = { readonly events: TokenEvent__Output[]; readonly status: Promise<StatusObject> }

function follow(stream: ClientReadableStream<TokenEvent__Output>): Watched {
    const events: TokenEvent__Output[] = []
    stream.on("data", (event) => events.push(event))
    stream.on("error", () => {})
    const over = Promise.withResolvers<StatusObject>()
    stream.on("status", over.resolve)
    return { events, status: over.promise }
}

describe("a stream of touches", () => {
    test("carries who waits for what, as it happens, and ends when its caller has had enough", async () => {
        const feed = new Feed()
        await using server = await startTestServer(feed.custody)
        using client = connectTo(v1.Tokens, server.adminPath)
        const stream = client.watch({ own: true })
        const { events } = follow(stream)
        await feed.until(1)
        assert.deepEqual(feed.asked, [{ own: true, socket: "admin" }])
        feed.tell()
        feed.tell({ ...EVENT, kind: "gone", purpose: undefined, difference: [] })
        while (events.length < 2) await once(stream, "data")
        assert.deepEqual(events[0], {
            id: 7,
            kind: "touch-awaited",
            token: "root",
            serial: "12345678",
            slot: "9c",
            keyId: EVENT.key.keyId,
            keyLabel: "root 2026",
            gun: "registry.example.com/app",
            role: "root",
            version: 2,
            difference: ["version 1 becomes 2"],
            requestedBy: "uid:1000(alice)",
            deadline: "2026-11-21T09:00:15.000Z",
            touchPolicy: "always",
        })
        assert.deepEqual([events[1]?.kind, events[1]?.gun, events[1]?.role, events[1]?.version], ["gone", "", "", 0])
        stream.cancel()
        await feed.until(0)
    })

    test("outlasts the time a request may take, and the time a connection may be idle", async () => {
        const feed = new Feed()
        const timeouts = { helloMs: 1_000, idleMs: 300, ageMs: 60_000, ageGraceMs: 1_000 }
        await using server = await startTestServer(feed.custody, { timeouts, limits: { requestTimeoutMs: 300 } })
        using client = connectTo(v1.Tokens, server.signPath)
        const stream = client.watch({})
        const { events } = follow(stream)
        await feed.until(1)
        await sleep(1_000)
        feed.tell()
        await once(stream, "data")
        assert.equal(events.length, 1)
        stream.cancel()
    })

    test("ends well when its connection has lived long enough, and doesn't hold it any longer", async () => {
        const feed = new Feed()
        const timeouts = { helloMs: 1_000, idleMs: 60_000, ageMs: 500, ageGraceMs: 60_000 }
        await using server = await startTestServer(feed.custody, { timeouts })
        using client = connectTo(v1.Tokens, server.signPath)
        const { status: over } = follow(client.watch({}))
        assert.equal((await over).code, status.OK)
        assert.equal(feed.listening, 0)
    })

    test("ends well when the daemon stops, which doesn't wait for it", async () => {
        const feed = new Feed()
        const server = await startTestServer(feed.custody)
        using client = connectTo(v1.Tokens, server.signPath)
        const { status: over } = follow(client.watch({}))
        await feed.until(1)
        await server.close(60_000)
        assert.equal((await over).code, status.OK)
        assert.equal(feed.listening, 0)
        await server[Symbol.asyncDispose]()
    })

    test("is refused with the reason where there are too many", async () => {
        const watchTouches = (): never => {
            throw new TrustkeyError("overloaded", "you watch the tokens in 64 places already")
        }
        await using server = await startTestServer(fakeCustody({ watchTouches }))
        using client = connectTo(v1.Tokens, server.signPath)
        const { code, metadata, details } = await follow(client.watch({})).status
        assert.equal(code, status.RESOURCE_EXHAUSTED)
        assert.equal(metadata.get("trustkeyd-code")[0], "overloaded")
        assert.match(details, /64 places/)
    })

    test("that nobody reads is cut, and nothing more is kept for it; the others hear on", async () => {
        const feed = new Feed()
        await using server = await startTestServer(feed.custody)
        using idler = openHttp2(server.signPath)
        const stream = idler.post("/trustkeyd.v1.Tokens/Watch")
        stream.pause()
        stream.end(grpcMessage(v1.Tokens.service.Watch.requestSerialize({})))
        using client = connectTo(v1.Tokens, server.signPath)
        const { events } = follow(client.watch({}))
        await feed.until(2)
        const large = { ...EVENT, difference: Array<string>(10).fill("x".repeat(200)) }
        let told = 0
        for (; feed.listening === 2 && told < 5_000; told += 1) {
            feed.tell(large)
            await sleep(1)
        }
        assert.equal(feed.listening, 1, `${told} events were kept`)
        feed.tell()
        for (let i = 0; events.length < told + 1; i += 1) {
            assert.ok(i < 400, `${events.length} of ${told + 1}`)
            await sleep(25)
        }
    })

    test("of a caller who is gone without a word is gone too", async () => {
        const feed = new Feed()
        await using server = await startTestServer(feed.custody)
        using idler = openHttp2(server.signPath)
        idler.post("/trustkeyd.v1.Tokens/Watch").end(grpcMessage(v1.Tokens.service.Watch.requestSerialize({})))
        await feed.until(1)
        idler.session.destroy()
        await feed.until(0)
    })
})
