import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { TrustkeyError } from "../../errors.ts"
import { fileMode, writeFileDurable } from "../../storage/index.ts"
import type { Cli } from "../context.ts"

/** A minute: one that ends is noticed at once, and a busy machine is slow. */
const START_ATTEMPTS = 600
const START_PAUSE_MS = 100

/** A trustkeyd of this package with everything it has in one directory. Whoever starts it ends it. */
export type ScratchDaemon = AsyncDisposable & {
    /** What a client needs in its environment to find it. */
    readonly env: Readonly<Record<string, string>>
}

/**
 * Start it. In its directory anybody may do anything: nobody else gets in there.
 *
 * @param directory with a short name: sockets have no other
 * @param tokenTables of its configuration
 * @param purpose what it is for, for messages: "a rehearsal"
 * @throws signer_unavailable: it does not start
 */
export async function startScratchDaemon(
    cli: Cli,
    directory: string,
    tokenTables: readonly string[],
    purpose: string,
): Promise<ScratchDaemon> {
    await writeFileDurable(path.join(directory, "trustkeyd.toml"), configText(directory, tokenTables), 0o600)
    const stop = await start(cli, directory, purpose)
    return {
        env: { TRUSTKEYD_SOCKET: path.join(directory, "sign.sock"), TRUSTKEYD_ADMIN_SOCKET: path.join(directory, "admin.sock") },
        [Symbol.asyncDispose]: stop,
    }
}

function configText(directory: string, tokenTables: readonly string[]): string {
    const place = (name: string): string => JSON.stringify(path.join(directory, name))
    return [
        `state_directory = ${place("state")}`,
        "[sockets.sign]",
        `path = ${place("sign.sock")}`,
        'mode = "0666"',
        "[sockets.admin]",
        `path = ${place("admin.sock")}`,
        "[argon2]",
        'memory = "64MiB"',
        ...tokenTables,
        "[[allow]]",
        'who = ["everyone"]',
        'do = ["*"]',
        "",
    ].join("\n")
}

/** @returns ends it */
async function start({ context }: Cli, directory: string, purpose: string): Promise<() => Promise<void>> {
    const { node, directory: programs } = context.programs
    const daemon = [
        node,
        "--jitless",
        "--disable-sigusr1",
        path.join(programs, "trustkeyd.cjs"),
        "--config",
        path.join(directory, "trustkeyd.toml"),
    ]
    // What it logs is of no interest unless it does not start.
    const conversation = await context.terminal.converse("/bin/sh", ["-c", 'exec "$@" 2>&1', "sh", ...daemon], context.env)
    const log: Buffer[] = []
    let hasEnded = false
    const ended = (async () => {
        for await (const piece of conversation.output) log.push(piece)
        hasEnded = true
    })()
    const stop = async (): Promise<void> => {
        conversation.end("")
        await ended
    }
    const [sign, admin] = [path.join(directory, "sign.sock"), path.join(directory, "admin.sock")]
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
        if (hasEnded) break
        if ((await fileMode(sign))?.kind === "socket" && (await fileMode(admin))?.kind === "socket") return stop
        await sleep(START_PAUSE_MS)
    }
    await stop()
    const last = Buffer.concat(log).toString("utf8").trim().split("\n").at(-1) ?? ""
    throw new TrustkeyError("signer_unavailable", `the daemon for ${purpose} does not start: ${last}`)
}
