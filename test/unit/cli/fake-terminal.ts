import { PassThrough } from "node:stream"
import { Cli, type CliContext, type Environment } from "../../../src/cli/context.ts"
import type { Terminal, Tty } from "../../../src/cli/index.ts"

/** What a person types at each question, in order; "\n" is added. Nothing left means the terminal was closed. */
export type FakeTerminal = Terminal & {
    readonly shown: () => string
    readonly printed: () => string
    readonly remarks: () => string
    /** How often echo was switched off and on. */
    readonly rawModes: readonly boolean[]
}

class Collected extends PassThrough {
    text = ""

    constructor() {
        super()
        this.on("data", (chunk: Buffer) => {
            this.text += chunk.toString()
        })
    }
}

/** `typed` undefined: there is no terminal to ask on. `descriptors`: what can be read from inherited file descriptors. */
export function fakeTerminal(
    options: {
        readonly typed?: readonly string[]
        readonly stdin?: string
        readonly descriptors?: Readonly<Record<number, string>>
        readonly converse?: Terminal["converse"]
        readonly ttyName?: string
    } = {},
): FakeTerminal {
    const [stdout, stderr, screen] = [new Collected(), new Collected(), new Collected()]
    const rawModes: boolean[] = []
    const openTty = (): Tty | undefined => {
        if (options.typed === undefined) return undefined
        const keyboard = new PassThrough()
        for (const line of options.typed) keyboard.write(`${line}\n`)
        keyboard.end()
        const input = Object.assign(keyboard, {
            setRawMode: (on: boolean) => {
                rawModes.push(on)
            },
        })
        return { input, output: screen, asking: false, close: () => keyboard.destroy() }
    }
    const openDescriptor = (descriptor: number): NodeJS.ReadableStream => stream(options.descriptors?.[descriptor] ?? "")
    return {
        stdin: stream(options.stdin ?? ""),
        stdout,
        stderr,
        stdoutIsTerminal: false,
        stderrIsTerminal: false,
        openTty,
        openDescriptor,
        run: async (program) => {
            throw Object.assign(new Error(`no ${program} here`), { code: "ENOENT" })
        },
        ttyName: options.ttyName,
        converse:
            options.converse ??
            (async (program) => {
                throw Object.assign(new Error(`no ${program} here`), { code: "ENOENT" })
            }),
        shown: () => screen.text,
        printed: () => stdout.text,
        remarks: () => stderr.text,
        rawModes,
    }
}

function stream(content: string): PassThrough {
    const through = new PassThrough()
    through.end(Buffer.from(content))
    return through
}

export const NOW = new Date("2026-11-21T09:00:00.750Z")

export function fakeContext(terminal: Terminal, env: Environment = {}, home = "/nonexistent"): CliContext {
    return {
        env,
        now: () => NOW,
        terminal,
        home,
        version: "1.2.3",
        frontEnd: "trustkey",
        docker: { program: "docker", globalFlags: [], configDirectory: undefined },
        programs: { node: "/opt/node", directory: "/opt/trustkeyd" },
    }
}

export function fakeCli(terminal: Terminal, env: Environment = {}, home = "/nonexistent"): Cli {
    return new Cli(fakeContext(terminal, env, home))
}
