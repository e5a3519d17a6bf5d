import { copyFile, readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { startDaemon } from "../test/support/daemon.ts"
import { processesOf } from "../test/support/process-memory.ts"
import { startSoftHsm } from "../test/support/softhsm.ts"
import { makeWorkingDirectory } from "../test/support/temp.ts"
import { memoryOf } from "./processes.ts"
import type { Report } from "./report.ts"

/** What a start leaves to do, collected garbage included. */
const SETTLE_MS = 10_000
const LOOK_MS = 20_000

/** A daemon with one token of which nobody wants anything: its memory, and how often its busiest thread wakes. */
export async function benchIdle(report: Report): Promise<void> {
    // Its own copy of the runtime: pages of a file that other processes have mapped too would count for less.
    await using directory = await makeWorkingDirectory("idle")
    const runtime = path.join(directory.path, "node")
    await copyFile(process.execPath, runtime)
    await using hsm = await startSoftHsm()
    await using daemon = await startDaemon({ tokens: { hsm }, runtime })
    await sleep(SETTLE_MS)
    const before = await wakesOf(daemon.service.pid)
    const start = performance.now()
    await sleep(LOOK_MS)
    const after = await wakesOf(daemon.service.pid)
    const seconds = (performance.now() - start) / 1000
    const rates = Array.from(after, ([thread, wakes]) => (wakes - (before.get(thread) ?? 0)) / seconds)
    report.add("idle wakes", Math.max(...rates))
    report.add("idle memory", await memoryOf(daemon.service.pid))
}

/** Of each thread of all processes: how often it had nothing to do and gave up the processor, which is how often it was woken. */
async function wakesOf(pid: number): Promise<ReadonlyMap<string, number>> {
    const wakes = new Map<string, number>()
    for (const process of await processesOf(pid)) {
        for (const thread of await readdir(`/proc/${process}/task`)) {
            const status = await readFile(`/proc/${process}/task/${thread}/status`, "utf8")
            wakes.set(`${process}/${thread}`, Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]))
        }
    }
    return wakes
}
