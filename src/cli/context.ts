import type { Command } from "commander"
import type { Secret } from "../crypto/index.ts"
import type { Daemon, TouchWatcher } from "./daemon-types.ts"
import { Output, wantsColour } from "./output.ts"
import type { Prompts } from "./prompts.ts"
import type { SecretDescriptors } from "./secret-descriptors.ts"
import type { Terminal } from "./terminal.ts"

export type Environment = Readonly<Record<string, string | undefined>>

/** What `bin` knows and hands in. */
export type CliContext = {
    readonly env: Environment
    readonly now: () => Date
    readonly terminal: Terminal
    /** The user's home directory, for ~/.docker. */
    readonly home: string
    /** Who runs the program (effective user ID), where that is known. */
    readonly uid?: number
    readonly version: string
    readonly frontEnd: FrontEnd
    readonly docker: DockerCommand
    /** The administrator's client configuration, if it lies elsewhere than in /etc. */
    readonly administratorConfig?: string
    readonly programs: Programs
}

/** Under which of its names the program was started. Commands are the same; usage, errors and exit codes follow the name. */
export type FrontEnd = "trustkey" | "docker trustkey" | "docker trust"

/** The docker command line that stands behind a plugin, or would be found in the PATH. */
export type DockerCommand = {
    readonly program: string
    /** docker's own flags that stood before the plugin's name: they go before every docker command of ours. */
    readonly globalFlags: readonly string[]
    /** `--config`: wins over DOCKER_CONFIG. */
    readonly configDirectory: string | undefined
}

/** What runs us, for launchers: the Node, and the directory with the programs. */
export type Programs = { readonly node: string; readonly directory: string }

export const DEFAULT_SIGN_SOCKET = "/run/trustkeyd/sign.sock"
export const DEFAULT_ADMIN_SOCKET = "/run/trustkeyd/admin.sock"

export type GlobalOptions = { socket?: string; adminSocket?: string; quiet?: boolean }

/**
 * What every command is handed. Heavy parts (gRPC, cryptography) are loaded when a command first asks for them, so that
 * --help and mistakes answer at once.
 */
export class Cli {
    readonly context: CliContext
    #options: GlobalOptions = {}
    #output: Output
    #daemons = new Map<Daemon["socket"], Promise<Daemon>>()
    #prompts: Promise<Prompts> | undefined
    #secrets: Promise<SecretDescriptors> | undefined
    #secretOnStdin = false
    readonly #warned = new Set<string>()

    constructor(context: CliContext) {
        this.context = context
        this.#output = this.#makeOutput()
    }

    /** Called once, when the global options are known. */
    configure(command: Command): void {
        this.#options = command.optsWithGlobals<GlobalOptions>()
        for (const [name, value] of Object.entries(command.opts())) if (name.endsWith("Fd")) this.reserveDescriptor(value)
        this.#output = this.#makeOutput()
    }

    get output(): Output {
        return this.#output
    }

    get now(): Date {
        return this.context.now()
    }

    socketPath(socket: Daemon["socket"]): string {
        const { env } = this.context
        if (socket === "sign") return this.#options.socket ?? nonEmpty(env["TRUSTKEYD_SOCKET"]) ?? DEFAULT_SIGN_SOCKET
        return this.#options.adminSocket ?? nonEmpty(env["TRUSTKEYD_ADMIN_SOCKET"]) ?? DEFAULT_ADMIN_SOCKET
    }

    /** The daemon behind one of its two sockets. Opens lazily: the first call finds out whether anybody is there. */
    daemon(socket: Daemon["socket"] = "sign"): Promise<Daemon> {
        const known = this.#daemons.get(socket)
        if (known !== undefined) return known
        const opening = import("./daemon.ts").then(({ openDaemon }) =>
            openDaemon(socket, this.socketPath(socket), () => this.#openTouchDisplay()),
        )
        this.#daemons.set(socket, opening)
        return opening
    }

    /** A flag names this descriptor: there is a secret behind it, whether or not it is wanted. */
    reserveDescriptor(descriptor: unknown): void {
        if (descriptor === 0) this.#secretOnStdin = true
    }

    /** Then no program of ours reads there. */
    get secretOnStdin(): boolean {
        return this.#secretOnStdin
    }

    /** What an inherited descriptor gives, as often as it is asked for; whoever gets it wipes it. @throws usage, payload_too_large */
    async secretFrom(descriptor: number): Promise<Secret> {
        this.#secrets ??= import("./secret-descriptors.ts").then(({ SecretDescriptors }) => new SecretDescriptors(this.context.terminal))
        return (await this.#secrets).read(descriptor)
    }

    async #openTouchDisplay(): Promise<TouchWatcher> {
        const { TouchDisplay } = await import("./touch-display.ts")
        const { env, terminal, now } = this.context
        const { stderr, stderrIsTerminal } = terminal
        // Somebody at a terminal has to know what is waited for, however quiet.
        const silent = this.#options.quiet === true && !stderrIsTerminal
        return new TouchDisplay({ stderr, counts: stderrIsTerminal && env["TERM"] !== "dumb", silent, now })
    }

    prompts(): Promise<Prompts> {
        this.#prompts ??= import("./prompts.ts").then(({ openPrompts }) => openPrompts(this.context.terminal))
        return this.#prompts
    }

    /** A warning worth saying once per run. */
    warnOnce(text: string): void {
        if (this.#warned.has(text)) return
        this.#warned.add(text)
        this.#output.warn(text)
    }

    async close(): Promise<void> {
        if (this.#secrets !== undefined) (await this.#secrets)[Symbol.dispose]()
        for (const daemon of this.#daemons.values()) (await daemon.catch(() => undefined))?.close()
        if (this.#prompts !== undefined) (await this.#prompts).close()
    }

    #makeOutput(): Output {
        const { terminal, env, frontEnd } = this.context
        return new Output(terminal, { quiet: this.#options.quiet === true, colour: wantsColour(env), frontEnd })
    }
}

function nonEmpty(text: string | undefined): string | undefined {
    return text === "" ? undefined : text
}
