import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { readdir, readFile, readlink } from "node:fs/promises"
import { createServer } from "node:net"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export type CommandResult = { readonly status: number; readonly stdout: string; readonly stderr: string }

export type CommandOptions = {
    readonly cwd?: string
    /** The whole environment; without it the child gets ours. */
    readonly env?: Readonly<Record<string, string>>
    readonly input?: string | Uint8Array
    readonly timeoutMs?: number
}

/** Run a program to its end. Not finishing in time is an error; any exit status is an answer. */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const timeoutMs = options.timeoutMs ?? 60_000
    const child = spawn(command, args, {
        stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.env === undefined ? {} : { env: { ...options.env } }),
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk))
    // A program may end without reading what it was given.
    child.stdin?.on("error", () => {})
    child.stdin?.end(options.input)
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
            child.kill("SIGKILL")
            const printed = Buffer.concat([...stdout, ...stderr]).toString()
            reject(new Error(`${describe(command, args)} did not end within ${timeoutMs} ms; it printed:\n${printed}`))
        }, timeoutMs)
        child.on("error", (error) => {
            clearTimeout(timer)
            reject(new Error(`${describe(command, args)} could not be run: ${error.message}`, { cause: error }))
        })
        child.on("close", (code, signal) => {
            clearTimeout(timer)
            if (code === null) {
                reject(new Error(`${describe(command, args)} was ended by ${signal}`))
                return
            }
            resolve({ status: code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() })
        })
    })
}

/** Run a program that has to succeed; returns what it wrote to stdout. */
export async function mustRun(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const result = await runCommand(command, args, options)
    if (result.status !== 0) {
        throw new Error(`${describe(command, args)} failed with exit status ${result.status}:\n${result.stdout}${result.stderr}`)
    }
    return result.stdout
}

function describe(command: string, args: readonly string[]): string {
    return [path.basename(command), ...args].join(" ")
}

export type ServiceOptions = {
    readonly name: string
    readonly command: string
    readonly args: readonly string[]
    /** The service's working directory; its output goes to `<name>.log` in it. */
    readonly directory: string
    readonly env?: Readonly<Record<string, string>>
    /** Asked again and again until it says true. An exception means not yet. */
    readonly ready: (service: Service) => Promise<boolean>
    readonly timeoutMs?: number
}

export type Service = AsyncDisposable & {
    readonly pid: number
    readonly logFile: string
    /** Everything it has written so far. */
    log(): string
    /** Undefined while it runs. */
    ended(): string | undefined
    stop(): Promise<void>
}

/** Start a long-running program and wait until it is ready. It ends with us, however we end. */
export async function startService(options: ServiceOptions): Promise<Service> {
    const logFile = path.join(options.directory, `${options.name}.log`)
    const output = openSync(logFile, "w", 0o600)
    // The kernel sends the signal when our thread ends, a crash and kill -9 included. setpriv becomes the program, so the
    // pid stays the same.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", options.command, ...options.args], {
        cwd: options.directory,
        stdio: ["ignore", output, output],
        ...(options.env === undefined ? {} : { env: { ...options.env } }),
    })
    closeSync(output)
    let end: string | undefined
    const exited = new Promise<void>((resolve) => {
        child.on("error", (error) => {
            end = `could not be started: ${error.message}`
            resolve()
        })
        child.on("exit", (code, signal) => {
            end = code === null ? `was ended by ${signal}` : `ended with exit status ${code}`
            resolve()
        })
    })
    // A test that forgets to stop a part should end, not hang.
    child.unref()
    const stop = (): Promise<void> => stopChild(child, exited, () => end !== undefined)
    const service: Service = {
        pid: child.pid ?? -1,
        logFile,
        log: () => readFileSync(logFile, "utf8"),
        ended: () => end,
        stop,
        [Symbol.asyncDispose]: stop,
    }
    const problem = await waitUntilReady(service, options)
    if (problem !== undefined) {
        await stop()
        throw new ServiceStartError(options.name, problem, service.log())
    }
    return service
}

export class ServiceStartError extends Error {
    override readonly name = "ServiceStartError"
    readonly log: string

    constructor(service: string, problem: string, log: string) {
        const shown = log.trimEnd().split("\n").slice(-40).join("\n    ")
        super(`${service} ${problem}; it wrote:\n    ${shown === "" ? "(nothing)" : shown}`)
        this.log = log
    }
}

async function waitUntilReady(service: Service, options: ServiceOptions): Promise<string | undefined> {
    const timeoutMs = options.timeoutMs ?? 15_000
    const deadline = performance.now() + timeoutMs
    let lastRefusal = ""
    while (performance.now() < deadline) {
        const end = service.ended()
        if (end !== undefined) return end
        try {
            // Another program may answer on our port while ours is failing to bind it.
            if ((await options.ready(service)) && service.ended() === undefined) return undefined
        } catch (error) {
            lastRefusal = ` (${error instanceof Error ? error.message : String(error)})`
        }
        await sleep(25)
    }
    return `was not ready within ${timeoutMs} ms${lastRefusal}`
}

async function stopChild(child: ChildProcess, exited: Promise<void>, hasEnded: () => boolean): Promise<void> {
    if (hasEnded()) return
    child.ref()
    child.kill("SIGTERM")
    const impatience = setTimeout(() => child.kill("SIGKILL"), 5_000)
    await exited
    clearTimeout(impatience)
}

/** Free at the moment of asking; see `withFreePorts` for the moment after. */
export async function findFreePort(): Promise<number> {
    return new Promise((resolve, reject) => {
        const server = createServer()
        server.on("error", reject)
        server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            server.close(() => {
                if (address === null || typeof address === "string") reject(new Error("the kernel named no port"))
                else resolve(address.port)
            })
        })
    })
}

/** Start something on `count` free ports; if another program takes one in between, try others. */
export async function withFreePorts<T>(count: number, start: (ports: readonly number[]) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
        const ports = new Set<number>()
        while (ports.size < count) ports.add(await findFreePort())
        try {
            return await start([...ports])
        } catch (error) {
            if (attempt === 5 || !isAddressInUse(error)) throw error
        }
    }
}

export function isAddressInUse(error: unknown): boolean {
    return error instanceof ServiceStartError && /address already in use/i.test(error.log)
}

/**
 * True when the process itself listens on the loopback port: an answer from there may come from somebody else's program. Of a
 * process that doesn't let itself be looked into (notary-signer) root can tell; for others a listener of the same user counts.
 */
export async function isListening(pid: number, port: number): Promise<boolean> {
    const wanted = port.toString(16).toUpperCase().padStart(4, "0")
    const LISTEN = "0A"
    const inodes = new Set<string>()
    let ofThisUser = false
    for (const table of ["tcp", "tcp6"]) {
        for (const line of (await readFile(`/proc/self/net/${table}`, "utf8")).split("\n")) {
            const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/)
            if (state !== LISTEN || !local?.endsWith(`:${wanted}`) || inode === undefined) continue
            inodes.add(`socket:[${inode}]`)
            ofThisUser ||= Number(uid) === process.getuid?.()
        }
    }
    try {
        for (const fd of await readdir(`/proc/${pid}/fd`)) {
            const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")
            if (inodes.has(target)) return true
        }
        return false
    } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EACCES") return ofThisUser
        throw error
    }
}

/** Wait for a line in a service's log; returns the match. */
export async function waitForLog(service: Service, pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
        const match = pattern.exec(service.log())
        if (match !== null) return match
        const end = service.ended()
        if (end !== undefined) throw new Error(`the service ${end} before it wrote ${pattern}; it wrote:\n${service.log()}`)
        if (performance.now() > deadline) throw new Error(`no ${pattern} within ${timeoutMs} ms; the service wrote:\n${service.log()}`)
        await sleep(20)
    }
}
