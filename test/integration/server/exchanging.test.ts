import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js"
import type { RestoreOutcome } from "../../../src/custody/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { RestoreRequest } from "../../../src/wire/trustkeyd/v1/RestoreRequest.ts"
import type { RestoreResponse__Output } from "../../../src/wire/trustkeyd/v1/RestoreResponse.ts"
import { fakeCustody } from "../../support/fake-custody.ts"
import { connectTo, startTestServer, v1 } from "../../support/server.ts"

const BEGIN = { fingerprint: "ab".repeat(32), confirm: "", digest: "" }
const OUTCOME: RestoreOutcome = {
    done: false,
    digest: "",
    madeAt: "",
    madeHere: false,
    records: 0,
    added: 0,
    raised: 0,
    differing: 0,
    same: 0,
    auditSequence: 0,
    auditHead: "",
}
const PIECE = Buffer.alloc(256 * 1024)

type Call = ClientDuplexStream<RestoreRequest, RestoreResponse__Output>

/** How a call ends: its trailer's code, or "ok". */
async function endOf(call: Call): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>()
    call.on("error", (error: ServiceError) => resolve(String(error.metadata.get("trustkeyd-code")[0] ?? error.code)))
    call.on("end", () => resolve("ok"))
    call.resume()
    return await promise
}

describe("what is too long for a message", () => {
    test("is refused to a caller who sends nothing more, and nothing waits for him", async () => {
        let seen = 0
        const custody = fakeCustody({
            restoreBackup: async (_principal, { records }) => {
                for await (const _ of records) seen += 1
                return OUTCOME
            },
        })
        await using server = await startTestServer(custody, { limits: { requestTimeoutMs: 300 } })
        using client = connectTo(v1.Backups, server.adminPath)
        const call = client.restore()
        call.write({ begin: BEGIN, records: [{ name: "a", content: Buffer.from("1") }] })
        assert.equal(await endOf(call), "deadline_exceeded")
        assert.equal(seen, 1)
    })

    test("begins as it has to: nothing at all, or records without a beginning, are refused", async () => {
        await using server = await startTestServer(fakeCustody({ restoreBackup: async () => OUTCOME }))
        using client = connectTo(v1.Backups, server.adminPath)
        const empty = client.restore()
        empty.end()
        assert.equal(await endOf(empty), "invalid_request")
        const without = client.restore()
        without.write({ records: [{ name: "a", content: Buffer.from("1") }] })
        without.end()
        assert.equal(await endOf(without), "invalid_request")
    })

    test("is made no further for one who is gone", async () => {
        const ended: unknown[] = []
        const custody = fakeCustody({
            createBackup: async (_principal, { take }) => {
                try {
                    for (let made = 0; ; made += 1) await take({ data: PIECE, records: made, total: 0 })
                } catch (error) {
                    ended.push(error)
                    throw error
                }
            },
        })
        await using server = await startTestServer(custody)
        using client = connectTo(v1.Backups, server.adminPath)
        const call = client.create({})
        call.on("error", () => {})
        const first = Promise.withResolvers<void>()
        call.once("data", () => first.resolve())
        await first.promise
        call.cancel()
        const until = Date.now() + 10_000
        while (ended.length === 0 && Date.now() < until) await sleep(20)
        const [reason] = ended
        assert.equal(reason instanceof TrustkeyError ? reason.code : reason, "declined")
    })
})
