import { existsSync, readFileSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

/** Note that we are the sandbox of this directory, or throw if another process is. */
export async function claim(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const running = findRunning(directory)
    if (running !== undefined) {
        throw new Error(`a sandbox is running already, as process ${running}; end it with: npm run sandbox -- down`)
    }
    await rm(path.join(directory, "ready"), { force: true })
    await writeFile(ownerFile(directory), `${process.pid} ${startTime(process.pid) ?? ""}\n`)
}

export async function release(directory: string): Promise<void> {
    await rm(path.join(directory, "ready"), { force: true })
    await rm(ownerFile(directory), { force: true })
}

/** Note that everything is up and the demonstration is over. */
export async function markReady(directory: string): Promise<void> {
    await writeFile(path.join(directory, "ready"), "")
}

/** Whether a sandbox runs that others may use. One that is coming up is waited for. */
export async function isReady(directory: string, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + 120_000
    while (findRunning(directory) !== undefined) {
        if (existsSync(path.join(directory, "ready"))) return true
        if (performance.now() > deadline) throw new Error("the sandbox in the other terminal is not ready, after 120 s")
        await sleep(200, undefined, { signal })
    }
    return false
}

/** End a sandbox that runs in another terminal; false if there is none. */
export async function endRunning(directory: string): Promise<boolean> {
    const pid = findRunning(directory)
    if (pid === undefined) return false
    process.kill(pid, "SIGTERM")
    const deadline = performance.now() + 30_000
    while (findRunning(directory) === pid) {
        if (performance.now() > deadline) throw new Error(`the sandbox, process ${pid}, did not end within 30 s`)
        await sleep(50)
    }
    return true
}

function ownerFile(directory: string): string {
    return path.join(directory, "owner")
}

function findRunning(directory: string): number | undefined {
    if (!existsSync(ownerFile(directory))) return undefined
    const [pid = "", started] = readFileSync(ownerFile(directory), "utf8").trim().split(" ")
    return started !== undefined && startTime(Number(pid)) === started ? Number(pid) : undefined
}

/** Tells a process from a later one with the same pid. Field 22, counted after the name in brackets. */
function startTime(pid: number): string | undefined {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
        return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
    } catch {
        return undefined
    }
}
