import { TrustkeyError } from "../../errors.ts"
import type { ImageReference } from "../../publish/index.ts"
import type { Cli } from "../context.ts"
import { withoutSecrets } from "../environment.ts"
import { inspectOnSocket } from "./engine-socket.ts"

/** `id`: `sha256:` and 64 hex digits. `repoDigests`: `repository@sha256:…`, one for each place it was pulled from or pushed to. */
export type EngineImage = { readonly id: string; readonly repoDigests: readonly string[] }
export type Pushed = { readonly digest: string; readonly size: number }
export type PushedTag = Pushed & { readonly tag: string }

export type TransferOptions = {
    /** docker's own flags, from a command line that was checked against the list of them. */
    readonly flags?: readonly string[]
    /** Where docker's progress goes: stdout, unless something else is printed there. */
    readonly progress?: "stdout" | "stderr" | "none"
}

/**
 * The docker engine, reached through docker's command line: contexts, credentials, TLS and ssh are docker's own. Only whether it has an image
 * is asked on its socket first, where it has a plain one. No shell is between us and it. Every method may throw engine_unreachable and engine_refused, with docker's words.
 */
export interface Engine {
    /** Undefined: the engine has no such image. `reference` is a name, with tag or digest, or an ID. */
    image(reference: string): Promise<EngineImage | undefined>
    /** Push one tag (`latest` where there is none); What the engine says it pushed. */
    push(reference: ImageReference, options?: TransferOptions): Promise<Pushed>
    /** Push every tag the engine has of this repository. */
    pushAll(reference: ImageReference, options?: TransferOptions): Promise<readonly PushedTag[]>
    pull(reference: string, options?: TransferOptions): Promise<void>
    tag(source: string, target: string): Promise<void>
    /** Any docker command, with the terminal as its own. Its exit code: what it means is the caller's business. */
    run(args: readonly string[]): Promise<number>
}

/** Nothing is run yet. docker itself never checks trust here: what it is given was checked before. */
export function openEngine(cli: Cli): Engine {
    return new DockerCommandLine(cli)
}

const MAX_WORDS = 4000

class DockerCommandLine implements Engine {
    readonly #cli: Cli

    constructor(cli: Cli) {
        this.#cli = cli
    }

    async image(reference: string): Promise<EngineImage | undefined> {
        const found = await inspectOnSocket(this.#cli, reference)
        if (found !== undefined) return parseImage(found)
        const { code, stdout, words } = await this.#collect(["image", "inspect", "--format", "{{json .}}", "--", reference])
        if (code === 0) return parseImage(stdout)
        if (/no such (?:image|object)/i.test(words)) return undefined
        throw refusalOf(words, code)
    }

    async push(reference: ImageReference, options: TransferOptions = {}): Promise<Pushed> {
        const tag = reference.tag ?? "latest"
        const pushed = (await this.#push(`${reference.gun}:${tag}`, options)).filter((line) => line.tag === tag)
        const last = pushed.at(-1)
        if (last === undefined) throw new TrustkeyError("engine_refused", `docker did not say what it pushed as ${reference.gun}:${tag}`)
        return { digest: last.digest, size: last.size }
    }

    async pushAll(reference: ImageReference, options: TransferOptions = {}): Promise<readonly PushedTag[]> {
        const flags = ["--all-tags", ...(options.flags ?? [])]
        const pushed = await this.#push(reference.gun, { ...options, flags })
        return [...new Map(pushed.map((line) => [line.tag, line])).values()]
    }

    async pull(reference: string, options: TransferOptions = {}): Promise<void> {
        const args = ["pull", ...(options.flags ?? []), "--", reference]
        const words = new Words()
        // On stdout docker writes itself: it draws bars on a terminal.
        const onStdout = options.progress === undefined || options.progress === "stdout" ? {} : { onStdout: this.#progress(options) }
        const code = await this.#run(args, { ...onStdout, onStderr: words.add })
        this.#afterwards(code, words)
    }

    async tag(source: string, target: string): Promise<void> {
        const { code, words } = await this.#collect(["tag", "--", source, target])
        if (code !== 0) throw refusalOf(words, code)
    }

    run(args: readonly string[]): Promise<number> {
        return this.#run(args, {})
    }

    async #push(reference: string, options: TransferOptions): Promise<readonly PushedTag[]> {
        const words = new Words()
        const pieces: Buffer[] = []
        const show = this.#progress(options)
        const onStdout = (piece: Buffer): void => {
            pieces.push(piece)
            show(piece)
        }
        const code = await this.#run(["push", ...(options.flags ?? []), "--", reference], { onStdout, onStderr: words.add })
        this.#afterwards(code, words)
        return pushedTags(Buffer.concat(pieces).toString())
    }

    #progress({ progress = "stdout" }: TransferOptions): (piece: Buffer) => void {
        const { terminal } = this.#cli.context
        return (piece) => {
            if (progress !== "none") terminal[progress].write(piece)
        }
    }

    /** docker's complaints become our error; what it has to say beside success is passed on. */
    #afterwards(code: number, words: Words): void {
        if (code !== 0) throw refusalOf(words.text(), code)
        this.#cli.context.terminal.stderr.write(words.bytes())
    }

    async #collect(args: readonly string[]): Promise<{ code: number; stdout: string; words: string }> {
        const [stdout, stderr] = [new Words(), new Words()]
        const code = await this.#run(args, { onStdout: stdout.add, onStderr: stderr.add })
        return { code, stdout: stdout.text(), words: stderr.text() }
    }

    async #run(
        args: readonly string[],
        listeners: { onStdout?: (piece: Buffer) => void; onStderr?: (piece: Buffer) => void },
    ): Promise<number> {
        const { docker, terminal } = this.#cli.context
        try {
            return await terminal.run(docker.program, [...docker.globalFlags, ...args], {
                env: this.#environment(),
                withoutStdin: this.#cli.secretOnStdin,
                ...listeners,
            })
        } catch (error) {
            throw new TrustkeyError("engine_unreachable", `docker's command line can't be run: ${codeOf(error)}`, { cause: error })
        }
    }

    /** docker must not check, sign or ask anew; passphrases are none of its business; and it is nobody's plugin. */
    #environment(): Readonly<Record<string, string | undefined>> {
        const kept = Object.entries(withoutSecrets(this.#cli.context.env)).filter(([name]) => !name.startsWith("DOCKER_CLI_PLUGIN_"))
        return { ...Object.fromEntries(kept), DOCKER_CONTENT_TRUST: "0" }
    }
}

class Words {
    readonly #pieces: Buffer[] = []
    readonly add = (piece: Buffer): void => void this.#pieces.push(piece)

    bytes(): Buffer {
        return Buffer.concat(this.#pieces)
    }

    text(): string {
        return this.bytes().toString().trim()
    }
}

/**
 * What `docker push` says it pushed: `TAG: digest: sha256:… size: N`, one line for each tag. It is the engine's own account of the
 * manifest it made, not the registry's.
 */
export function pushedTags(output: string): readonly PushedTag[] {
    return output.split(/\r?\n/).flatMap((line) => {
        const [, tag, digest, size] = /^([\w][\w.-]{0,127}): digest: (sha256:[0-9a-f]{64}) size: ([0-9]{1,15})$/.exec(line.trim()) ?? []
        return tag === undefined || digest === undefined ? [] : [{ tag, digest, size: Number(size) }]
    })
}

// The words of 20.10 to 29. A context that can't be resolved leads to no engine either. Who may not use the socket is refused.
const UNREACHABLE =
    /cannot connect to the docker daemon|failed to connect to the docker api|error during connect|unable to resolve docker endpoint|context "[^"]*" does not exist|current context .* not found/i

/** docker's own words, as they are: they say more than any of ours. */
function refusalOf(words: string, code: number): TrustkeyError {
    const text = words.length > MAX_WORDS ? `…${words.slice(-MAX_WORDS)}` : words
    const isUnreachable = UNREACHABLE.test(words) && !/permission denied while trying to connect/i.test(words)
    return new TrustkeyError(
        isUnreachable ? "engine_unreachable" : "engine_refused",
        text === "" ? `docker ended with exit code ${code}` : text,
    )
}

function codeOf(error: unknown): string {
    return error instanceof Error && "code" in error ? String(error.code) : "unknown reason"
}

function parseImage(text: string): EngineImage {
    const refuse = (): TrustkeyError => new TrustkeyError("engine_refused", "docker describes the image in a way we don't understand")
    try {
        const { Id, RepoDigests } = JSON.parse(text) as { Id?: unknown; RepoDigests?: unknown }
        if (typeof Id !== "string" || !/^sha256:[0-9a-f]{64}$/.test(Id)) throw refuse()
        const digests: readonly unknown[] = Array.isArray(RepoDigests) ? RepoDigests : []
        return { id: Id, repoDigests: digests.filter((digest) => typeof digest === "string") }
    } catch (error) {
        throw error instanceof TrustkeyError ? error : refuse()
    }
}
