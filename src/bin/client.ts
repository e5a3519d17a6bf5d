// The client, under each of its names: everything it may know of its surroundings is collected here and handed in.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { constants, createReadStream, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { connect } from "node:net"
import { homedir, constants as osConstants } from "node:os"
import path from "node:path"
import { isatty, ReadStream, WriteStream } from "node:tty"
import {
    type Conversation,
    type DockerCommand,
    type RunOptions,
    readDockerArguments,
    runCli,
    type Terminal,
    type Tty,
} from "../cli/index.ts"
import { TrustkeyError } from "../errors.ts"
import { closeOnExec, forbidDumps } from "../signer/index.ts"
import type { Program } from "./start.ts"
import { VERSION } from "./version.ts"

/** However we end, the terminal is put right again: a shell without echo helps nobody. */
let openTerminal: Tty | undefined

/** The controlling terminal, whatever stdin and stdout are. */
function openTty(): Tty | undefined {
    try {
        // Two descriptors: each stream closes its own.
        const input = new ReadStream(openSync("/dev/tty", constants.O_RDONLY | constants.O_NOCTTY))
        const output = new WriteStream(openSync("/dev/tty", constants.O_WRONLY | constants.O_NOCTTY))
        const close = (): void => {
            openTerminal = undefined
            input.setRawMode(false)
            input.destroy()
            output.destroy()
        }
        openTerminal = { input, output, asking: false, close }
        return openTerminal
    } catch {
        return undefined
    }
}

function openDescriptor(descriptor: number): NodeJS.ReadableStream {
    if (!isReadable(descriptor)) throw new TrustkeyError("usage", `file descriptor ${descriptor} is not open for reading`)
    // The runtime has made standard input one that doesn't wait, and plain reads of a pipe that is still empty would fail.
    if (descriptor === 0) return process.stdin
    return createReadStream("", { fd: descriptor, autoClose: false })
}

/** Open, and of a kind a caller hands down: Node has descriptors of its own. */
function isReadable(descriptor: number): boolean {
    try {
        const facts = fstatSync(descriptor)
        return facts.isFile() || facts.isFIFO() || facts.isSocket() || facts.isCharacterDevice()
    } catch {
        return false
    }
}

const LAST_STANDARD_DESCRIPTOR = 2
/** O_CLOEXEC, as /proc shows it. */
const CLOSED_ON_EXEC = 0o2000000

/**
 * Those that docker and credential helpers would get from us: there may be a secret behind one. The runtime keeps the first sixteen to
 * itself (uv_disable_stdio_inheritance), and gives up at the first gap above them.
 */
function inheritedDescriptors(): readonly number[] {
    return openDescriptors().filter((descriptor) => {
        try {
            const [, flags = ""] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? []
            return (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0
        } catch {
            // The one the directory was read through.
            return false
        }
    })
}

function openDescriptors(): readonly number[] {
    try {
        return readdirSync("/proc/self/fd")
            .map(Number)
            .filter((descriptor) => descriptor > LAST_STANDARD_DESCRIPTOR)
    } catch {
        return []
    }
}

/** Set when we were told to end while a program had the terminal: it was told too, and we follow it. */
let endWith: number | undefined
let interrupted = false
const foreground = new Set<ChildProcess>()

async function run(program: string, args: readonly string[], { env, withoutStdin, onStdout, onStderr }: RunOptions): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const stdout = onStdout === undefined ? "inherit" : "pipe"
    const stderr = onStderr === undefined ? "inherit" : "pipe"
    const child = spawn(program, args, { env: { ...env }, stdio: [withoutStdin === true ? "ignore" : "inherit", stdout, stderr] })
    foreground.add(child)
    child.stdout?.on("data", (piece: Buffer) => onStdout?.(piece))
    child.stderr?.on("data", (piece: Buffer) => onStderr?.(piece))
    child.on("error", reject)
    child.on("close", (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + osConstants.signals[signal]))
    try {
        const code = await promise
        // Whoever told us to end waits for that, and for nothing we would do next. A program may live through a Ctrl-C.
        if (endWith !== undefined) end(code === 0 ? endWith : code)
        if (interrupted && code !== 0) end(code)
        return code
    } finally {
        foreground.delete(child)
    }
}

/** Whoever is asked to end has a moment for it. */
const PARTING_MILLISECONDS = 1_000

async function converse(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
): Promise<Conversation> {
    const child = spawn(program, args, { env: { ...env }, stdio: ["pipe", "pipe", "inherit"] })
    await once(child, "spawn")
    foreground.add(child)
    child.once("exit", () => {
        foreground.delete(child)
        // We were told to end while it asked: it was told too.
        if (interrupted || endWith !== undefined) end(endWith ?? SIGNALS.SIGINT)
    })
    // It may be gone already; its output says so.
    child.stdin.on("error", () => {})
    return {
        write: (text) => child.stdin.write(text),
        output: child.stdout,
        end: (text) => {
            child.stdin.end(text)
            setTimeout(() => child.kill(), PARTING_MILLISECONDS).unref()
        },
    }
}

/** As programs behind us can open it: the one we were started on, else whichever controls us. */
function ttyName(): string | undefined {
    for (const descriptor of [0, 1, 2]) {
        try {
            const name = readlinkSync(`/proc/self/fd/${descriptor}`)
            if (isatty(descriptor) && name.startsWith("/dev/")) return name
        } catch {
            // Closed.
        }
    }
    return process.env["GPG_TTY"] || undefined
}

function end(code: number): never {
    if (openTerminal?.asking === true) openTerminal.output.write("\n")
    openTerminal?.close()
    process.exit(code)
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

/**
 * While a program has the terminal, Ctrl-C and Ctrl-\ have reached it as well, and how it ends is how we end. The others were sent to us
 * alone, so they are passed on.
 */
function obey(signal: keyof typeof SIGNALS): void {
    if (foreground.size === 0) end(SIGNALS[signal])
    if (signal === "SIGINT" || signal === "SIGQUIT") {
        interrupted = true
        return
    }
    endWith = SIGNALS[signal]
    for (const child of foreground) child.kill(signal)
}

/** docker (25 and later) closes this socket when it is told to end and the terminal hasn't told us too, or when it is gone. */
function obeyDocker(address: string): void {
    const socket = connect({ path: address.replace(/^@/, "\0") })
    // Nobody there: then nobody can tell us anything.
    let connected = false
    socket.on("connect", () => {
        connected = true
    })
    socket.on("error", () => {})
    socket.on("close", () => {
        if (connected) obey("SIGTERM")
    })
    // Something has to read for the end to be seen.
    socket.resume()
    socket.unref()
}

/** docker as our caller was started, or as it is found in the PATH. A name of ours is no docker: asked for completions, we are told our own. */
function dockerProgram(): string {
    const given = process.env["DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"] ?? ""
    if (given === "" || /^docker-trust(key)?$/.test(path.basename(given))) return "docker"
    // Once and for all: it was relative to the directory docker was started in, which is ours now.
    return given.includes("/") ? path.resolve(given) : given
}

const FRONT_ENDS = { trustkey: "trustkey", "docker-trustkey": "docker trustkey", "docker-trust": "docker trust" } as const

/** What the program's own arguments are, and the docker behind it. */
function readArguments(program: Program): { readonly argv: readonly string[]; readonly docker: DockerCommand } {
    const args = process.argv.slice(2)
    const docker = { program: dockerProgram(), globalFlags: [], configDirectory: undefined }
    if (program === "trustkey") return { argv: args, docker }
    const { argv, globalFlags, configDirectory } = readDockerArguments(program.slice("docker-".length), args)
    return { argv, docker: { ...docker, globalFlags, configDirectory } }
}

export async function runClient(program: Program): Promise<void> {
    for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const) process.on(signal, () => obey(signal))
    const socket = process.env["DOCKER_CLI_PLUGIN_SOCKET"] ?? ""
    if (program !== "trustkey" && socket !== "") obeyDocker(socket)
    // TK-SEC-1: passphrases and PINs are typed here.
    forbidDumps()
    const inherited = inheritedDescriptors()
    if (inherited.length > 0) closeOnExec(inherited)
    // Whoever reads our output may have seen enough.
    process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))
    const terminal: Terminal = {
        stdin: process.stdin,
        stdout: process.stdout,
        stderr: process.stderr,
        stdoutIsTerminal: process.stdout.isTTY === true,
        stderrIsTerminal: process.stderr.isTTY === true,
        openTty,
        openDescriptor,
        run,
        ttyName: ttyName(),
        converse,
    }
    const { argv, docker } = readArguments(program)
    const code = await runCli(argv, {
        env: process.env,
        now: () => new Date(),
        terminal,
        home: process.env["HOME"] ?? homedir(),
        ...(process.geteuid === undefined ? {} : { uid: process.geteuid() }),
        version: VERSION,
        frontEnd: FRONT_ENDS[program],
        docker,
        programs: { node: process.execPath, directory: import.meta.dirname },
    })
    // A kept connection must not keep us; what was written must be out.
    process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}
