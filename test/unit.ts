// npm run unit: the unit tests but the slow ones, in one process per core. npm test runs all of them, each file in a process of its own.
import { spawn } from "node:child_process"
import { globSync } from "node:fs"
import { availableParallelism } from "node:os"
import path from "node:path"
import { buffer } from "node:stream/consumers"

const ROOT = path.resolve(import.meta.dirname, "..")
/** A key derivation as it is in use, or thousands of cases. */
const SLOW = ".slow.test.ts"
const TIMEOUT_MS = 30_000

const files = globSync("test/unit/**/*.test.ts", { cwd: ROOT })
    .filter((file) => !file.endsWith(SLOW))
    .sort()
const processes = availableParallelism()

/** Loading the sources takes longer than most tests, so files share a process; what was compiled is kept for the next time. */
async function run(shard: number): Promise<{ readonly output: Buffer; readonly passed: boolean }> {
    const flags = ["--test", "--test-isolation=none", `--test-timeout=${TIMEOUT_MS}`, `--test-shard=${shard}/${processes}`]
    const child = spawn(process.execPath, [...flags, ...files], {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_COMPILE_CACHE: path.join(ROOT, "node_modules/.cache/compiled") },
    })
    const ended = new Promise<number | null>((resolve, reject) => {
        child.once("error", reject)
        child.once("close", resolve)
    })
    const output = await buffer(child.stdout)
    return { output, passed: (await ended) === 0 }
}

const results = await Promise.all(Array.from({ length: processes }, (_, index) => run(index + 1)))
for (const { output } of results) process.stdout.write(output)
if (files.length === 0 || results.some(({ passed }) => !passed)) process.exitCode = 1
