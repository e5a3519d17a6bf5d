import assert from "node:assert/strict"
import { once } from "node:events"
import { connect } from "node:net"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { Metadata, status } from "@grpc/grpc-js"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { parseKeyId } from "../../../src/tuf/index.ts"
import type { GetStatusResponse__Output } from "../../../src/wire/trustkeyd/v1/GetStatusResponse.ts"
import { fakeCustody } from "../../support/fake-custody.ts"
import { mustRun } from "../../support/process.ts"
import {
    ask,
    askRefused,
    connectTo,
    grpcMessage,
    health,
    openHttp2,
    reflection,
    startTestServer,
    TEST_LIMITS,
    v1,
} from "../../support/server.ts"

const KEY_ID = "ab".repeat(32)
const REQUEST = { keyId: KEY_ID, gun: "registry.example.com/team/app", role: "targets", signed: Buffer.from("{}") }
const SIGNATURE = { keyId: parseKeyId(KEY_ID), method: "ecdsa", sig: Buffer.from("signature") }
const STATUS_VIEW = {
    version: "1.2.3",
    startedAt: new Date("2026-01-02T03:04:05Z"),
    signers: [],
    keys: 3,
    unlockedKeys: 2,
    repositories: 1,
    outbox: 0,
    auditRecords: 7,
    problems: ["the disk is nearly full"],
    backup: undefined,
}

async function within(milliseconds: number, event: Promise<unknown>): Promise<void> {
    const late = sleep(milliseconds, "late", { ref: false })
    assert.notEqual(await Promise.race([event, late]), "late", `it took longer than ${milliseconds} ms`)
}

describe("who is calling", () => {
    test("is what the kernel says, whatever the client sends", async () => {
        const seen: Principal[] = []
        const custody = fakeCustody({
            status: async (principal) => {
                seen.push(principal)
                return STATUS_VIEW
            },
        })
        await using server = await startTestServer(custody)
        using client = connectTo(v1.Status, server.signPath)
        const forged = new Metadata()
        for (const name of ["uid", "x-peer-uid", "trustkeyd-principal"]) forged.set(name, "12345")
        const answer = await ask<GetStatusResponse__Output>((callback) => client.get({}, forged, callback))
        const uid = process.getuid?.()
        assert.equal(answer.caller, `uid:${uid}(name-of-${uid})`)
        assert.equal(answer.socket, "sign")
        assert.equal(seen[0]?.uid, uid)
        assert.equal(seen[0]?.pid, process.pid)
        assert.deepEqual(new Set(seen[0]?.gids), new Set([process.getegid?.(), ...(process.getgroups?.() ?? [])]))
    })

    test("has all the groups of another user's process", async () => {
        const seen: Principal[] = []
        const custody = fakeCustody({
            status: async (principal) => {
                seen.push(principal)
                return STATUS_VIEW
            },
        })
        await using server = await startTestServer(custody)
        // Only what Node has by itself: the other user may not be able to read this project.
        const program = `
            const { connect } = require("node:http2")
            const open = () => require("node:net").connect(${JSON.stringify(server.signPath)})
            const session = connect("http://localhost", { createConnection: open })
            const headers = { ":method": "POST", ":path": "/trustkeyd.v1.Status/Get", "content-type": "application/grpc", te: "trailers" }
            const stream = session.request(headers)
            stream.resume().on("close", () => session.close()).end(Buffer.alloc(5))
        `
        await mustRun("chmod", ["-R", "a+rwX", server.directory])
        await mustRun("setpriv", ["--reuid=4242", "--regid=4343", "--groups=4343,27,5555", process.execPath, "-e", program])
        assert.equal(seen[0]?.uid, 4242)
        assert.deepEqual(seen[0]?.gids, [4343, 27, 5555])
    })
})

describe("errors", () => {
    const sign = (error: unknown) =>
        fakeCustody({
            sign: async () => {
                throw error
            },
        })

    test("of ours arrive as status, message and code", async () => {
        await using server = await startTestServer(sign(new TrustkeyError("rollback_refused", "version 3 is older than 4")))
        using client = connectTo(v1.Signing, server.signPath)
        const error = await askRefused(client.sign.bind(client, REQUEST))
        assert.equal(error.code, status.FAILED_PRECONDITION)
        assert.equal(error.details, "version 3 is older than 4")
        assert.equal(error.trustkeyCode, "rollback_refused")
        assert.deepEqual(
            server.log.filter(({ level }) => level === "error"),
            [],
        )
    })

    test("we did not foresee give only a reference, under which the log has the cause", async () => {
        const unforeseen = Object.assign(new Error("secret path /var/lib/trustkeyd"), { code: 7 })
        await using server = await startTestServer(sign(unforeseen))
        using client = connectTo(v1.Signing, server.signPath)
        const error = await askRefused(client.sign.bind(client, REQUEST))
        // grpc-js alone would take the 7 (CKR_ARGUMENTS_BAD) for PERMISSION_DENIED and send the text.
        assert.equal(error.code, status.INTERNAL)
        assert.equal(error.trustkeyCode, "internal")
        assert.doesNotMatch(error.details, /secret/)
        const record = server.log.find(({ level }) => level === "error")
        assert.equal(record?.["error"], unforeseen)
        assert.ok(error.details.includes(String(record?.["reference"])))
    })

    test("with texts no header can carry arrive all the same", async () => {
        await using server = await startTestServer(
            sign(new TrustkeyError("invalid_request", `half a pair \ud800, a line\nend, ü${"x".repeat(10_000)}`)),
        )
        using client = connectTo(v1.Signing, server.signPath)
        const error = await askRefused(client.sign.bind(client, REQUEST))
        assert.equal(error.trustkeyCode, "invalid_request")
        assert.match(error.details, /^half a pair \ufffd, a line\nend, ü/)
    })

    test("a request that takes too long is answered, and its work goes on", async () => {
        const done = Promise.withResolvers<void>()
        const custody = fakeCustody({
            sign: async () => {
                await sleep(300)
                done.resolve()
                return SIGNATURE
            },
        })
        await using server = await startTestServer(custody, { limits: { requestTimeoutMs: 50 } })
        using client = connectTo(v1.Signing, server.signPath)
        const error = await askRefused(client.sign.bind(client, REQUEST))
        assert.equal(error.trustkeyCode, "deadline_exceeded")
        await done.promise
    })

    test("a payload over the limit is refused before anybody looks at it", async () => {
        await using server = await startTestServer(fakeCustody({ sign: async () => SIGNATURE }))
        using client = connectTo(v1.Signing, server.signPath)
        const signed = Buffer.alloc(TEST_LIMITS.maxPayloadBytes)
        await ask(client.sign.bind(client, { ...REQUEST, signed }))
        const over = await askRefused(client.sign.bind(client, { ...REQUEST, signed: Buffer.alloc(signed.length + 1) }))
        assert.equal(over.trustkeyCode, "payload_too_large")
        const farOver = await askRefused(client.sign.bind(client, { ...REQUEST, signed: Buffer.alloc(8 * signed.length) }))
        assert.equal(farOver.code, status.RESOURCE_EXHAUSTED)
    })
})

describe("the two sockets", () => {
    test("binding is custody's to decide on both: only it knows what kind of key it is", async () => {
        const asked: string[] = []
        const custody = fakeCustody({
            bindKey: async ({ socket }) => {
                asked.push(socket)
                throw new TrustkeyError("denied", "no")
            },
        })
        await using server = await startTestServer(custody)
        for (const path of [server.signPath, server.adminPath]) {
            using keys = connectTo(v1.Keys, path)
            const request = { id: "ab".repeat(32), add: [{ gun: "registry.example.com/team/app", role: "targets/alice" }] }
            assert.equal((await askRefused(keys.bind.bind(keys, request))).trustkeyCode, "denied")
        }
        assert.deepEqual(asked, ["sign", "admin"])
    })

    test("what is the administrator's is denied on the sign socket, without asking custody", async () => {
        await using server = await startTestServer(fakeCustody({}))
        using keys = connectTo(v1.Keys, server.signPath)
        using tokens = connectTo(v1.Tokens, server.signPath)
        using trust = connectTo(v1.Trust, server.signPath)
        using journal = connectTo(v1.Journal, server.signPath)
        using audit = connectTo(v1.Audit, server.signPath)
        const refusals = [
            await askRefused(keys.enroll.bind(keys, {})),
            await askRefused(keys.remove.bind(keys, {})),
            await askRefused(keys.createGroup.bind(keys, {})),
            await askRefused(tokens.objects.bind(tokens, {})),
            await askRefused(trust.adopt.bind(trust, {})),
            await askRefused(trust.reset.bind(trust, {})),
            await askRefused(journal.void.bind(journal, {})),
            await askRefused(audit.list.bind(audit, {})),
            await askRefused(audit.verify.bind(audit, {})),
        ]
        for (const error of refusals) {
            assert.equal(error.code, status.PERMISSION_DENIED)
            assert.equal(error.trustkeyCode, "denied")
        }
    })

    test("the same is passed on from the admin socket", async () => {
        const custody = fakeCustody({
            verifyAudit: async ({ socket }) => ({ intact: socket === "admin", records: 5, brokenAt: 0, head: "ff" }),
        })
        await using server = await startTestServer(custody)
        using audit = connectTo(v1.Audit, server.adminPath)
        assert.deepEqual({ ...(await ask(audit.verify.bind(audit, {}))) }, { intact: true, records: 5, brokenAt: 0, head: "ff" })
    })

    test("reflection is on the admin socket only and lists our services", async () => {
        await using server = await startTestServer(fakeCustody({}))
        using admin = connectTo(reflection.ServerReflection, server.adminPath)
        const stream = admin.serverReflectionInfo()
        stream.write({ listServices: "*" })
        stream.end({ fileContainingSymbol: "trustkeyd.v1.Signing" })
        const answers: unknown[] = []
        for await (const answer of stream) answers.push(answer)
        const text = JSON.stringify(answers)
        for (const name of ["Audit", "Journal", "Keys", "Secrets", "Signing", "Status", "Tokens", "Trust"]) {
            assert.match(text, new RegExp(`"trustkeyd\\.v1\\.${name}"`))
        }
        assert.match(text, /fileDescriptorProto/)

        using sign = connectTo(reflection.ServerReflection, server.signPath)
        const refused = sign.serverReflectionInfo()
        refused.end({ listServices: "*" })
        const [error] = await once(refused, "error")
        assert.equal(error.code, status.UNIMPLEMENTED)
    })
})

describe("health", () => {
    test("is SERVING on both sockets for the daemon and each service, and unknown for others", async () => {
        await using server = await startTestServer(fakeCustody({}))
        for (const path of [server.signPath, server.adminPath]) {
            using client = connectTo(health.Health, path)
            for (const service of ["", "trustkeyd.v1.Signing"]) {
                assert.equal((await ask(client.check.bind(client, { service }))).status, "SERVING")
            }
            assert.equal((await askRefused(client.check.bind(client, { service: "nope" }))).code, status.NOT_FOUND)
            assert.equal((await ask(client.list.bind(client, {}))).statuses?.["trustkeyd.v1.Keys"]?.status, "SERVING")
        }
    })

    test("a watcher is told when the daemon stops", async () => {
        const server = await startTestServer(fakeCustody({}))
        using client = connectTo(health.Health, server.signPath)
        const stream = client.watch({})
        stream.on("error", () => {})
        assert.equal((await once(stream, "data"))[0].status, "SERVING")
        const next = once(stream, "data")
        const closed = server.close(200)
        assert.equal((await next)[0].status, "NOT_SERVING")
        await closed
        await server[Symbol.asyncDispose]()
    })
})

describe("a stream of requests", () => {
    test("is answered by tag, a refusal among the answers, and works on a bounded number at a time", async () => {
        let running = 0
        let most = 0
        const custody = fakeCustody({
            sign: async (_principal, request) => {
                running += 1
                most = Math.max(most, running)
                await sleep(Math.random() * 3)
                running -= 1
                if (request.role === "root") throw new TrustkeyError("denied", "not allowed, or there is no such key")
                return SIGNATURE
            },
        })
        await using server = await startTestServer(custody)
        using client = connectTo(v1.Signing, server.signPath)
        const stream = client.signStream()
        const answers = new Map<number, string>()
        stream.on("data", (answer) => answers.set(answer.tag, answer.errorCode))
        for (let tag = 1; tag <= 1000; tag += 1) {
            stream.write({ ...REQUEST, tag, role: tag % 10 === 0 ? "root" : "targets", ...(tag === 7 ? { gun: "?" } : {}) })
        }
        stream.end()
        await once(stream, "end")
        assert.equal(answers.size, 1000)
        assert.equal(answers.get(7), "invalid_request")
        for (let tag = 10; tag <= 1000; tag += 10) assert.equal(answers.get(tag), "denied")
        assert.equal(answers.get(11), "")
        assert.ok(most > 1)
        assert.ok(most <= TEST_LIMITS.maxRequestsPerConnection, `${most} at a time`)
    })

    test("is no longer read when its answers are not", async () => {
        let asked = 0
        const custody = fakeCustody({
            sign: async () => {
                asked += 1
                return { ...SIGNATURE, sig: Buffer.alloc(16 * 1024) }
            },
        })
        await using server = await startTestServer(custody)
        using client = openHttp2(server.signPath)
        // The client of grpc-js reads ahead without end, so this is done by hand.
        const stream = client.post("/trustkeyd.v1.Signing/SignStream")
        const total = 2000
        for (let tag = 1; tag <= total; tag += 1)
            stream.write(grpcMessage(v1.Signing.service.SignStream.requestSerialize({ ...REQUEST, tag })))
        stream.end()
        await sleep(300)
        const before = asked
        assert.ok(before <= 3 * TEST_LIMITS.maxRequestsPerConnection, `${before} were worked on though nobody read`)
        await sleep(300)
        assert.equal(asked, before)
        stream.resume()
        await once(stream, "end")
        assert.equal(asked, total)
    })

    test("ends when a tag can't be repeated", async () => {
        await using server = await startTestServer(fakeCustody({ sign: async () => SIGNATURE }))
        using client = connectTo(v1.Signing, server.signPath)
        const stream = client.signStream()
        stream.on("data", () => {})
        stream.write({ ...REQUEST, tag: "9007199254740993" })
        const [error] = await once(stream, "error")
        assert.equal(error.code, status.INVALID_ARGUMENT)
    })

    test("that its caller breaks off leaves nothing behind", async () => {
        await using server = await startTestServer(
            fakeCustody({
                sign: async () => {
                    await sleep(20)
                    return SIGNATURE
                },
            }),
        )
        using client = connectTo(v1.Signing, server.signPath)
        for (let round = 0; round < 5; round += 1) {
            const stream = client.signStream()
            stream.on("error", () => {})
            for (let tag = 0; tag < 100; tag += 1) stream.write({ ...REQUEST, tag })
            await once(stream, "data")
            stream.cancel()
        }
        await ask(client.sign.bind(client, REQUEST))
        assert.deepEqual(
            server.log.filter(({ level }) => level === "error"),
            [],
        )
    })
})

describe("connections", () => {
    const TIMEOUTS = { helloMs: 200, idleMs: 400, ageMs: 60_000, ageGraceMs: 1000 }

    test("of one user are at most half of all", async () => {
        await using server = await startTestServer(fakeCustody({}), { limits: { maxConnections: 6 } })
        const sockets = Array.from({ length: 6 }, () => connect(server.signPath))
        const closed: boolean[] = sockets.map(() => false)
        for (const [index, socket] of sockets.entries()) {
            socket.on("error", () => {})
            socket.on("close", () => {
                closed[index] = true
            })
            socket.resume()
        }
        await sleep(150)
        assert.deepEqual(closed, [false, false, false, true, true, true])
        assert.equal(server.log.filter(({ message }) => message === "too many connections of one user").length, 1, "one record a minute")
        sockets[0]?.destroy()
        await sleep(50)
        const next = connect(server.signPath)
        next.on("error", () => {})
        const result = await Promise.race([once(next, "close").then(() => "closed"), sleep(100).then(() => "open")])
        assert.equal(result, "open")
        for (const socket of [...sockets, next]) socket.destroy()
    })

    test("on which nothing is said are closed", async () => {
        await using server = await startTestServer(fakeCustody({}), { timeouts: TIMEOUTS })
        const socket = connect(server.signPath)
        socket.on("error", () => {})
        socket.resume()
        await within(2000, once(socket, "close"))
    })

    test("on which nothing happens are closed, and a client comes back by itself", async () => {
        await using server = await startTestServer(fakeCustody({ status: async () => STATUS_VIEW }), { timeouts: TIMEOUTS })
        using client = connectTo(v1.Status, server.signPath)
        await ask(client.get.bind(client, {}))
        await sleep(700)
        await ask(client.get.bind(client, {}))
    })

    test("whose request never ends are closed", async () => {
        await using server = await startTestServer(fakeCustody({}), { limits: { requestTimeoutMs: 300 } })
        using client = openHttp2(server.signPath)
        const stream = client.post("/trustkeyd.v1.Signing/Sign")
        // A message of 1000 bytes is announced, ten come.
        stream.write(Buffer.from([0, 0, 0, 3, 232, ...Array(10).fill(0)]))
        await within(3000, once(client.session, "close"))
    })
})

describe("stopping", () => {
    test("lets a running request end, refuses new connections and removes the sockets", async () => {
        const started = Promise.withResolvers<void>()
        const custody = fakeCustody({
            sign: async () => {
                started.resolve()
                await sleep(200)
                return SIGNATURE
            },
        })
        const server = await startTestServer(custody)
        using client = connectTo(v1.Signing, server.signPath)
        const answer = ask(client.sign.bind(client, REQUEST))
        await started.promise
        const before = performance.now()
        await Promise.all([server.close(5000), answer])
        assert.ok(performance.now() - before < 2000, "waited longer than the request took")
        using late = connectTo(v1.Signing, server.signPath)
        assert.equal((await askRefused(late.sign.bind(late, REQUEST))).code, status.UNAVAILABLE)
        await server[Symbol.asyncDispose]()
    })

    test("cuts off what runs longer than the grace", async () => {
        const started = Promise.withResolvers<void>()
        const custody = fakeCustody({
            sign: async () => {
                started.resolve()
                await sleep(1500)
                return SIGNATURE
            },
        })
        const server = await startTestServer(custody)
        using client = connectTo(v1.Signing, server.signPath)
        const answer = askRefused(client.sign.bind(client, REQUEST))
        await started.promise
        const before = performance.now()
        await server.close(100)
        assert.ok(performance.now() - before < 1000)
        assert.ok([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL].includes((await answer).code))
        await server[Symbol.asyncDispose]()
    })
})
