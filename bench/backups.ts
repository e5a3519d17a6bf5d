import { stat } from "node:fs/promises"
import path from "node:path"
import { makeIdentity } from "../test/integration/backup/backup-rig.ts"
import { type Daemon, startDaemon } from "../test/support/daemon.ts"
import { runCommand } from "../test/support/process.ts"
import { makeWorkingDirectory } from "../test/support/temp.ts"
import { fillState } from "./many-keys.ts"
import { peakMemory } from "./processes.ts"
import type { Report } from "./report.ts"

export const BACKUP_STEPS = ["create", "verify", "restore"] as const

const CREDENTIAL = "the secret of the bench's key group"
const PROGRAM = path.join(import.meta.dirname, "../dist/trustkey.cjs")
const LONGEST_MS = 1_800_000

/** Of so many keys in one group: seconds, and the most memory that the client, and the daemon with its signers, had at any time. */
export async function benchBackups(report: Report, counts: readonly number[]): Promise<void> {
    await using directory = await makeWorkingDirectory("bench-backups")
    const { file: identity, recipient } = await makeIdentity(directory.path, "identity.txt")
    for (const count of counts) {
        report.progress(`backups of ${count} keys`)
        const file = path.join(directory.path, `${count}.age`)
        await using full = await daemonWith(count)
        await step(report, "create", count, full, ["create", "--out", file, "--recipient", recipient])
        report.add(`backup ${count} megabytes`, (await stat(file)).size / 1_000_000)
        await full.stop()
        await using empty = await startDaemon()
        const opened = [file, "--identity", identity]
        const { fingerprint } = JSON.parse(await step(report, "verify", count, undefined, ["verify", "--json", ...opened])) as {
            fingerprint: string
        }
        await step(report, "restore", count, empty, ["restore", "--confirm", fingerprint, ...opened])
    }
}

async function daemonWith(keys: number): Promise<Daemon> {
    const daemon = await startDaemon()
    await daemon.stop()
    await fillState(daemon.stateDirectory, keys, CREDENTIAL)
    return await daemon.restart()
}

async function step(
    report: Report,
    name: (typeof BACKUP_STEPS)[number],
    count: number,
    daemon: Daemon | undefined,
    args: readonly string[],
): Promise<string> {
    const env = {
        PATH: "/usr/bin:/bin",
        HOME: path.dirname(PROGRAM),
        ...(daemon === undefined ? {} : { TRUSTKEYD_SOCKET: daemon.signSocket, TRUSTKEYD_ADMIN_SOCKET: daemon.adminSocket }),
    }
    const start = performance.now()
    // time(1) says how much memory the client had at most.
    const command = ["--format=%M", process.execPath, PROGRAM, "--quiet", "backup", ...args]
    const { status, stdout, stderr } = await runCommand("/usr/bin/time", command, { env, timeoutMs: LONGEST_MS })
    if (status !== 0) throw new Error(`trustkey backup ${args.join(" ")} ended with ${status}: ${stdout}${stderr}`)
    report.add(`backup ${name} ${count}`, (performance.now() - start) / 1000)
    report.add(`backup ${name} ${count} client`, Number(/(\d+)\s*$/.exec(stderr)?.[1]) / 1024)
    if (daemon !== undefined) report.add(`backup ${name} ${count} daemon`, await peakMemory(daemon.service.pid))
    return stdout
}
