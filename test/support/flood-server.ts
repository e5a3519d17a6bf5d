// A server of its own process, so that its memory can be told from the test's. Needs --expose-gc. Answers any message with its
// resident memory in bytes, without garbage and without what malloc keeps for later, and ends when its parent does.

import { setTimeout as sleep } from "node:timers/promises"
import koffi from "koffi"
import { TrustkeyError } from "../../src/errors.ts"
import { fakeCustody } from "./fake-custody.ts"
import { startTestServer } from "./server.ts"

const mallocTrim = koffi.load("libc.so.6").func("int malloc_trim(size_t pad)")

const refuse = async (): Promise<never> => {
    throw new TrustkeyError("metadata_rejected", "nothing here is right")
}

const server = await startTestServer(fakeCustody({ sign: refuse, signSet: refuse, observe: refuse }), {
    limits: { maxConnections: 256, requestTimeoutMs: 5000 },
})
process.on("disconnect", () => void server[Symbol.asyncDispose]().then(() => process.exit(0)))
process.on("message", async () => {
    // Buffers outside the heap go with the second collection.
    for (let times = 0; times < 3; times += 1) {
        globalThis.gc?.()
        await sleep(50)
    }
    mallocTrim(0)
    process.send?.(process.memoryUsage.rss())
})
process.send?.({ signPath: server.signPath })
