// The client's program: everything it may know of its surroundings is collected here and handed in.
import { spawn } from "node:child_process"
import { constants, createReadStream, fstatSync, openSync } from "node:fs"
import { homedir, constants as osConstants } from "node:os"
import { ReadStream, WriteStream } from "node:tty"
import { type RunOptions, runCli, type Terminal, type Tty } from "../cli/index.ts"
import { TrustkeyError } from "../errors.ts"
import { forbidDumps } from "../signer/index.ts"
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
        openTerminal = { input, output, close }
        return openTerminal
    } catch {
        return undefined
    }
}

function openDescriptor(descriptor: number): NodeJS.ReadableStream {
    if (!isReadable(descriptor)) throw new TrustkeyError("usage", `file descriptor ${descriptor} is not open for reading`)
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

/** How many programs have the terminal now: signals are theirs, and how they end is how we end. */
let inForeground = 0

function run(program: string, args: readonly string[], { env, onStdout, onStderr }: RunOptions): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const stdout = onStdout === undefined ? "inherit" : "pipe"
    const stderr = onStderr === undefined ? "inherit" : "pipe"
    const child = spawn(program, args, { env: { ...env }, stdio: ["inherit", stdout, stderr] })
    inForeground += 1
    child.stdout?.on("data", (piece: Buffer) => onStdout?.(piece))
    child.stderr?.on("data", (piece: Buffer) => onStderr?.(piece))
    child.on("error", reject)
    child.on("close", (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + osConstants.signals[signal]))
    return promise.finally(() => {
        inForeground -= 1
    })
}

function endOn(signal: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT", code: number): void {
    process.on(signal, () => {
        if (inForeground > 0) return
        openTerminal?.close()
        process.exit(code)
    })
}

async function main(): Promise<void> {
    endOn("SIGINT", 130)
    endOn("SIGTERM", 143)
    endOn("SIGHUP", 129)
    endOn("SIGQUIT", 131)
    // TK-SEC-1: passphrases and PINs are typed here.
    forbidDumps()
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
    }
    const home = process.env["HOME"] ?? homedir()
    const code = await runCli(process.argv.slice(2), {
        env: process.env,
        now: () => new Date(),
        terminal,
        home,
        version: VERSION,
        frontEnd: "trustkey",
        docker: { program: "docker", globalFlags: [], configDirectory: undefined },
    })
    // A kept connection must not keep us; what was written must be out.
    process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}

void main()
