import { open } from "node:fs/promises"
import path from "node:path"
import { mustRun } from "../test/support/process.ts"
import type { SoftHsm } from "../test/support/softhsm.ts"
import { median } from "./statistics.ts"

/** Per second of one process that does nothing else; by the clock, as ours are: what else the machine does slows both. */
export async function opensslSpeed(): Promise<{ readonly sign: number; readonly verify: number }> {
    const output = await mustRun("openssl", ["speed", "-elapsed", "-mr", "-seconds", "1", "ecdsap256"])
    // +F4:<number>:<bits>:<signatures per second>:<verifications per second>
    const fields = output
        .split("\n")
        .find((line) => line.startsWith("+F4:"))
        ?.split(":")
    const [sign, verify] = [Number(fields?.[3]), Number(fields?.[4])]
    if (!(sign > 0 && verify > 0)) throw new Error(`openssl speed printed something else than before:\n${output}`)
    return { sign, verify }
}

/** Milliseconds for one durable write of a page, one after the other: what every promise waits for at least. */
export async function durableWrite(directory: string, milliseconds: number): Promise<number> {
    await using file = await open(path.join(directory, "durable-write"), "w")
    const page = Buffer.alloc(4096, 1)
    const times: number[] = []
    for (const end = performance.now() + milliseconds; performance.now() < end; ) {
        const start = performance.now()
        await file.write(page)
        await file.datasync()
        times.push(performance.now() - start)
    }
    return median(times)
}

/** Milliseconds for a Node that does nothing. */
export async function emptyNode(): Promise<number> {
    const start = performance.now()
    await mustRun(process.execPath, ["-e", "0"])
    return performance.now() - start
}

/** C_SignInit and C_Sign in a loop, one thread, nothing else in the process: signatures per second of the token itself. */
export async function tokenLoop(token: SoftHsm, rsa: boolean, milliseconds: number): Promise<number> {
    const program = path.join(import.meta.dirname, "token-loop.ts")
    const input = JSON.stringify({ module: token.module, serial: token.serial, pin: token.userPin, rsa, milliseconds })
    const rate = Number(await mustRun(process.execPath, [program], { env: token.env, input }))
    if (!(rate > 0)) throw new Error("the loop on the token gave no figure")
    return rate
}
