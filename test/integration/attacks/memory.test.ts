import assert from "node:assert/strict"
import { once } from "node:events"
import { connect as connectHttp2 } from "node:http2"
import { connect } from "node:net"
import { test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { startDaemon } from "../../support/daemon.ts"
import { residentMemory } from "../../support/flood.ts"

const MB = 1024 * 1024

test("who may do nothing can't fill the daemon's memory with requests that never end", async () => {
    await using daemon = await startDaemon({ rules: "" })
    const body = Buffer.alloc(20 * MB, 1)
    const head = Buffer.alloc(5)
    head.writeUInt32BE(24 * MB, 1)
    const sessions = Array.from({ length: 2 }, () => {
        const session = connectHttp2("http://localhost", { createConnection: () => connect(daemon.signSocket) })
        session.on("error", () => {})
        for (const method of ["Signing/SignSet", "Signing/SignStream"]) {
            for (let i = 0; i < 14; i += 1) {
                const path = `/trustkeyd.v1.${method}`
                const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" })
                stream.on("error", () => {})
                stream.write(head)
                stream.write(body)
            }
        }
        return session
    })
    let most = 0
    for (let i = 0; i < 150 && !sessions.every(({ destroyed }) => destroyed); i += 1) {
        most = Math.max(most, await residentMemory(daemon.service.pid))
        await sleep(100)
    }
    assert.ok(most < 900 * MB, `${Math.round(most / MB)} MB`)
    assert.ok(sessions.some(({ destroyed }) => destroyed))
    for (const session of sessions) session.destroy()
    assert.equal((await daemon.trustkey(["status"])).status, 0)
})

test("who may do nothing can't have the daemon unpack what he sends", async () => {
    await using daemon = await startDaemon({ rules: "" })
    const packed = gzipSync(Buffer.alloc(24 * MB))
    const head = Buffer.alloc(5, 1)
    head.writeUInt32BE(packed.length, 1)
    const session = connectHttp2("http://localhost", { createConnection: () => connect(daemon.signSocket) })
    const headers = { ":method": "POST", "content-type": "application/grpc", te: "trailers", "grpc-encoding": "gzip" }
    const answers = Array.from({ length: 60 }, async () => {
        const stream = session.request({ ...headers, ":path": "/trustkeyd.v1.Signing/SignSet" })
        stream.resume()
        stream.end(Buffer.concat([head, packed]))
        const [answer] = (await once(stream, "response")) as [Record<string, string>]
        return answer["grpc-status"]
    })
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(["12"]))
    session.destroy()
    assert.ok((await residentMemory(daemon.service.pid)) < 400 * MB)
})
