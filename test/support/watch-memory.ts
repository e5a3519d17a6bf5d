// Searches another process's memory again and again until it is told to stop; then says how often it did, and the most it found of each form.
import { setTimeout as sleep } from "node:timers/promises"
import { searchMemory } from "./process-memory.ts"

/** For the message that ends it, and for others on a small machine. */
const PAUSE_MS = 500

export type WatchOrder = { readonly pid: number; readonly forms: readonly (readonly [string, string])[] }
export type WatchReport = { readonly rounds: number; readonly most: Readonly<Record<string, number>> }

let stopped = false
const most: Record<string, number> = {}

async function watch({ pid, forms }: WatchOrder): Promise<void> {
    const bytes = new Map(forms.map(([name, base64]) => [name, Buffer.from(base64, "base64")]))
    let rounds = 0
    while (!stopped || rounds === 0) {
        for (const [name, count] of searchMemory(pid, bytes)) most[name] = Math.max(most[name] ?? 0, count)
        rounds += 1
        await sleep(PAUSE_MS)
    }
    process.send?.({ rounds, most } satisfies WatchReport)
}

process.on("disconnect", () => process.exit(0))
process.on("message", (order: WatchOrder | "stop") => {
    if (order === "stop") stopped = true
    else void watch(order)
})
