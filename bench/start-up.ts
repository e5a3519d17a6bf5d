import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { DAEMON_FLAGS, type Daemon } from "../test/support/daemon.ts"
import { memoryOf } from "./processes.ts"

const PROGRAM = fileURLToPath(new URL("../dist/trustkeyd.cjs", import.meta.url))
// RFC 9113 §3.4, and an empty SETTINGS frame: a server answers with its own.
const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])])
const POLL_MS = 2

export type Start = { readonly milliseconds: number; readonly megabytes: number }

/**
 * Start the daemon on the state of one that is stopped: the time from exec until both sockets speak HTTP/2, and then the memory of
 * all its processes.
 */
export async function startOnce(daemon: Daemon, credentialsDirectory: string | undefined): Promise<Start> {
    const start = performance.now()
    const child = spawn(process.execPath, [...DAEMON_FLAGS, PROGRAM, "--config", daemon.configFile], {
        stdio: "ignore",
        env: { PATH: "/usr/bin:/bin", ...(credentialsDirectory === undefined ? {} : { CREDENTIALS_DIRECTORY: credentialsDirectory }) },
    })
    const ended = once(child, "exit")
    await Promise.all([untilAnswering(daemon.signSocket), untilAnswering(daemon.adminSocket)])
    const milliseconds = performance.now() - start
    const megabytes = await memoryOf(child.pid ?? 0)
    child.kill("SIGTERM")
    await ended
    return { milliseconds, megabytes }
}

async function untilAnswering(socketPath: string): Promise<void> {
    for (const deadline = performance.now() + 120_000; performance.now() < deadline; await sleep(POLL_MS)) {
        if (await speaksHttp2(socketPath)) return
    }
    throw new Error(`nobody answers on ${socketPath}`)
}

function speaksHttp2(socketPath: string): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(socketPath, () => socket.write(PREFACE))
        socket.once("data", () => {
            socket.destroy()
            resolve(true)
        })
        socket.on("error", () => resolve(false))
    })
}
