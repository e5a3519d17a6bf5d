import { readdir, readFile } from "node:fs/promises"

/** The kernel counts processor time in hundredths of a second on every Linux we run on. */
const TICK_US = 10_000

/** Of a process and everything below it. */
export type Usage = { readonly custodianUs: number; readonly signersUs: number }

/** Processor time so far. It says what a signature costs even when others keep the machine busy. */
export async function processorTime(pid: number): Promise<Usage> {
    const signers = await Promise.all((await childrenOf(pid)).map(ownTime))
    return { custodianUs: await ownTime(pid), signersUs: signers.reduce((sum, each) => sum + each, 0) }
}

async function ownTime(pid: number): Promise<number> {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8")
    // Fields 14 and 15, utime and stime, counted after the name in brackets: proc(5).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/** Megabytes (PSS: what processes share counts once). */
export async function memoryOf(pid: number): Promise<number> {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8")
    const own = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) / 1024
    const others = await Promise.all((await childrenOf(pid)).map(memoryOf))
    return others.reduce((sum, each) => sum + each, own)
}

/** Megabytes that a process and those below it had at most, each at its own time; what they share counts for each. */
export async function peakMemory(pid: number): Promise<number> {
    const status = await readFile(`/proc/${pid}/status`, "utf8")
    const own = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
    const others = await Promise.all((await childrenOf(pid)).map(peakMemory))
    return others.reduce((sum, each) => sum + each, own)
}

/** Megabytes that are these processes' own: without the pages of programs, which others may share or not. */
export async function ownMemoryOf(pid: number): Promise<number> {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8")
    const own = (Number(/^Pss_Anon:\s+(\d+) kB/m.exec(rollup)?.[1]) + Number(/^SwapPss:\s+(\d+) kB/m.exec(rollup)?.[1])) / 1024
    const others = await Promise.all((await childrenOf(pid)).map(ownMemoryOf))
    return others.reduce((sum, each) => sum + each, own)
}

async function childrenOf(pid: number): Promise<number[]> {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")
    return text.trim().split(" ").filter(Boolean).map(Number)
}

/** Open descriptors. */
export async function descriptorsOf(pid: number): Promise<number> {
    const own = (await readdir(`/proc/${pid}/fd`)).length
    const others = await Promise.all((await childrenOf(pid)).map(descriptorsOf))
    return others.reduce((sum, each) => sum + each, own)
}
