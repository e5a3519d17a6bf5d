import { mkdir, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { type CommandResult, runCommand, type Service, startService } from "./process.ts"
import { makeWorkingDirectory } from "./temp.ts"

export const PROJECT = fileURLToPath(new URL("../..", import.meta.url))
/** What the service unit gives it too. */
export const DAEMON_FLAGS = ["--jitless", "--disable-sigusr1", "--max-semi-space-size=2"]

export type Daemon = AsyncDisposable & {
    readonly directory: string
    readonly configFile: string
    readonly stateDirectory: string
    readonly signSocket: string
    readonly adminSocket: string
    readonly service: Service
    /** The built `trustkey`, pointed at this daemon. */
    trustkey(args: readonly string[], options?: TrustkeyOptions): Promise<CommandResult>
    /** `trustkey` that has to succeed; its stdout. */
    ok(args: readonly string[], options?: TrustkeyOptions): Promise<string>
    /** SIGTERM, and wait for its end. */
    stop(): Promise<void>
    /** SIGKILL: nothing is finished. */
    kill(): Promise<void>
    /** After `stop` or `kill`: once more on the same state. */
    restart(): Promise<Daemon>
}

export type TrustkeyOptions = { readonly env?: Readonly<Record<string, string>>; readonly input?: string; readonly timeoutMs?: number }

/** A token by its module, and what that has to find in its environment. */
export type DaemonToken = {
    readonly module: string
    readonly label: string
    readonly serial: string
    readonly moduleEnv: Readonly<Record<string, string>>
    /** Further lines of TOML for its table. */
    readonly settings?: readonly string[]
}

export type DaemonOptions = {
    readonly directory?: string
    /** Where the sockets are; default: in the directory. */
    readonly socketDirectory?: string
    /** A name for each token, as the configuration calls it. */
    readonly tokens?: Readonly<Record<string, DaemonToken>>
    /** The configuration that lies in `directory` already, instead of a new one. */
    readonly isConfigured?: boolean
    /** TOML after the sockets; default: whoever runs the test may do everything. */
    readonly rules?: string
    /** Files of a systemd credentials directory. */
    readonly credentials?: Readonly<Record<string, string>>
    readonly env?: Readonly<Record<string, string>>
    /** Another file of the runtime than the tests' own. */
    readonly runtime?: string
    /** A program in front of the daemon: strace, for example. */
    readonly wrapper?: readonly string[]
}

/** The built daemon on sockets and state of its own. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
    const directory = await makeWorkingDirectory("daemon", options.directory)
    const place = (name: string): string => path.join(directory.path, name)
    const [signSocket, adminSocket, configFile] = [
        path.join(options.socketDirectory ?? directory.path, "sign.sock"),
        path.join(options.socketDirectory ?? directory.path, "admin.sock"),
        place("trustkeyd.toml"),
    ]
    if (options.isConfigured !== true)
        await writeFile(configFile, configText(options, { state: place("state"), signSocket, adminSocket }), { mode: 0o600 })
    const credentials = place("credentials")
    if (options.credentials !== undefined) {
        await mkdir(credentials, { recursive: true, mode: 0o700 })
        for (const [name, value] of Object.entries(options.credentials)) {
            await writeFile(path.join(credentials, name), value, { mode: 0o400, flag: "w" })
        }
    }
    const runtime = options.runtime ?? process.execPath
    const [command = runtime, ...wrapped] = [...(options.wrapper ?? []), runtime]
    const start = (): Promise<Service> =>
        startService({
            name: "trustkeyd",
            command,
            args: [...wrapped, ...DAEMON_FLAGS, path.join(PROJECT, "dist/trustkeyd.cjs"), "--config", configFile],
            directory: directory.path,
            env: {
                PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
                ...(options.credentials === undefined ? {} : { CREDENTIALS_DIRECTORY: credentials }),
                ...options.env,
            },
            ready: async () => (await answers(signSocket)) && (await answers(adminSocket)),
        })
    const service = await start()

    const trustkey = (args: readonly string[], given: TrustkeyOptions = {}): Promise<CommandResult> =>
        runCommand(process.execPath, [path.join(PROJECT, "dist/trustkey.cjs"), ...args], {
            env: {
                PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
                HOME: directory.path,
                TRUSTKEYD_SOCKET: signSocket,
                TRUSTKEYD_ADMIN_SOCKET: adminSocket,
                ...given.env,
            },
            ...(given.input === undefined ? {} : { input: given.input }),
            ...(given.timeoutMs === undefined ? {} : { timeoutMs: given.timeoutMs }),
        })
    const ok = async (args: readonly string[], given: TrustkeyOptions = {}): Promise<string> => {
        const { status, stdout, stderr } = await trustkey(args, given)
        if (status === 0) return stdout
        throw new Error(`trustkey ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}\ntrustkeyd wrote:\n${service.log()}`)
    }
    const kill = async (): Promise<void> => {
        if (service.ended() === undefined) process.kill(service.pid, "SIGKILL")
        await service.stop()
    }
    const end = async (): Promise<void> => {
        await service.stop()
        await directory.remove()
    }
    return {
        directory: directory.path,
        configFile,
        stateDirectory: place("state"),
        signSocket,
        adminSocket,
        service,
        trustkey,
        ok,
        stop: () => service.stop(),
        kill,
        restart: () => startDaemon({ ...options, directory: directory.path }),
        [Symbol.asyncDispose]: end,
    }
}

const EVERYTHING = `[[allow]]\nwho = ["uid:${process.getuid?.() ?? 0}"]\ndo = ["*"]\n`

function configText(
    options: DaemonOptions,
    place: { readonly state: string; readonly signSocket: string; readonly adminSocket: string },
): string {
    const tokens = Object.entries(options.tokens ?? {}).map(([name, token]) =>
        [
            "[[token]]",
            `name = "${name}"`,
            `module = "${token.module}"`,
            `uri = "pkcs11:token=${encodeURIComponent(token.label)};serial=${token.serial}"`,
            `environment = { ${Object.entries(token.moduleEnv)
                .map(([variable, value]) => `${variable} = "${value}"`)
                .join(", ")} }`,
            ...(token.settings ?? []),
            ...(options.credentials?.[`${name}-pin`] === undefined ? [] : [`pin = { credential = "${name}-pin" }`]),
            "",
        ].join("\n"),
    )
    const fixed = [
        `state_directory = "${place.state}"`,
        "[sockets.sign]",
        `path = "${place.signSocket}"`,
        `mode = "0666"`,
        "[sockets.admin]",
        `path = "${place.adminSocket}"`,
        "[argon2]",
        `memory = "64MiB"`,
        "",
    ]
    return [...fixed, ...tokens, options.rules ?? EVERYTHING].join("\n")
}

/** Whether somebody listens. */
function answers(socketPath: string): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(socketPath)
        socket.on("connect", () => {
            socket.destroy()
            resolve(true)
        })
        socket.on("error", () => resolve(false))
    })
}
