import assert from "node:assert/strict"
import { fork } from "node:child_process"
import { once } from "node:events"
import { test } from "node:test"
import { flood } from "../../support/flood.ts"

// A longer or shorter form: TRUSTKEYD_FLOOD=1000000
const COUNT = Number(process.env["TRUSTKEYD_FLOOD"] ?? 100_000)
const SEED = Number(process.env["TRUSTKEYD_FLOOD_SEED"] ?? 1)

test(`${COUNT} malformed streams, frames and messages neither stop the server nor make it grow`, async (context) => {
    const program = new URL("../../support/flood-server.ts", import.meta.url).pathname
    const child = fork(program, {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        // So that resident memory is what is kept, and no pools that grow with the amount of garbage.
        execArgv: ["--expose-gc", "--max-semi-space-size=2"],
    })
    const ended = once(child, "exit")
    try {
        const [{ signPath }] = await once(child, "message")
        const rss = async (): Promise<number> => {
            const answer = once(child, "message")
            child.send("memory")
            return Number((await answer)[0])
        }
        const target = { socketPath: signPath, rss }
        // What every process needs after some work, whatever the work: compiled code, pools, a heap of its usual size.
        await flood({ ...target, count: Math.min(COUNT, 20_000), seed: SEED + 1 })
        const result = await flood({ ...target, count: COUNT, seed: SEED })
        const growth = result.rssAtEnd / result.rssAtTenth - 1
        const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`
        context.diagnostic(
            `${result.sent} in ${result.seconds.toFixed(1)} s; ${megabytes(result.rssAtTenth)} after a tenth, ${megabytes(result.rssAtEnd)} at the end; slowest health check ${Math.round(result.slowestCheckMs)} ms`,
        )
        assert.equal(child.exitCode, null, "the server ended")
        assert.ok(growth < 0.1, `resident memory grew by ${(growth * 100).toFixed(1)} % (seed ${SEED})`)
        assert.ok(result.slowestCheckMs < 3000, `a health check took ${result.slowestCheckMs} ms (seed ${SEED})`)
    } finally {
        child.disconnect()
        await ended
    }
})
