import { type ChildProcess, spawn } from "node:child_process"
import type { Readable } from "node:stream"
import type { Scheme } from "../crypto/index.ts"
import { isErrorCode, TrustkeyError } from "../errors.ts"
import {
    encodeJsonFrame,
    encodeSignFrame,
    Fields,
    FRAME_KINDS,
    type Frame,
    FrameError,
    FrameReader,
    PROTOCOL_VERSION,
    schemeByte,
} from "../signer/index.ts"

export type SignerProcessOptions = {
    readonly name: string
    readonly execPath: string
    readonly nodeFlags: readonly string[]
    /** The bundled program. */
    readonly file: string
    /** All of the child's environment. */
    readonly environment: Readonly<Record<string, string>>
    /** What `start` carries. */
    readonly configuration: Readonly<Record<string, unknown>>
    /** For each call, counted from when the child could have begun with it. */
    readonly deadlineMs: number
    /** Milliseconds of a clock that never goes back. */
    readonly monotonic: () => number
    readonly log: (record: object) => void
    readonly onEvent: (event: Fields) => void
    /** It ended, and what it held is gone. Called before the calls under way are refused. */
    readonly onDown: () => void
    /** A fresh one has started after the last ended by itself. */
    readonly onRespawn: () => void
}

export type SignerProcessState = {
    readonly name: string
    readonly state: "ready" | "busy" | "starting" | "failed"
    readonly detail: string
    readonly restarts: number
}

type Pending = {
    readonly resolve: (frame: Frame) => void
    readonly reject: (error: TrustkeyError) => void
    readonly budgetMs: number
    readonly onBegin: (() => void) | undefined
    /** When what was asked before it was answered: the child works one by one. */
    beganAt: number | undefined
}

const START_DEADLINE_MS = 20_000
const STOP_DEADLINE_MS = 3_000
/** What it said before its end is in the pipes already. */
const LAST_WORDS_MS = 500
/** How long a call that is in no hurry waits for a process to come back. */
const COMEBACK_MS = 5_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** After so many deaths in a row nobody waits for the next life. */
const HOPELESS_FAILURES = 2
/** One that lived so long did not die of its start. */
const STABLE_MS = 10_000
const WATCH_MS = 50
const BUSY_AFTER_MS = 1_000
// Beyond this, joining small frames into one write costs more than it saves.
const JOIN_LIMIT = 256 * 1024
const LOG_LINES_PER_MINUTE = 60
const LOG_LINE_LENGTH = 500
/** 2.5 MiB a second: no module has so much to say. */
const BURST_MS = 100
const BURST_LENGTH = 256 * 1024

/**
 * One child that holds keys, from birth to death to the next birth. Calls are pipelined; each has a deadline, and a child
 * that misses one, or breaks the protocol, is killed: a PKCS#11 call can block for ever, and nothing gentler helps.
 */
export class SignerProcess {
    readonly #options: SignerProcessOptions
    readonly #pending = new Map<number, Pending>()
    readonly #log: LineLog
    #child: ChildProcess | undefined
    #outgoing: Buffer[] = []
    #isReady = false
    #isStopping = false
    /** Killed by us; its end is on the way. */
    #isDying = false
    #isClosed = false
    #nextId = 1
    #lastAnswerAt = 0
    #spawnedAt = 0
    #watch: NodeJS.Timeout | undefined
    #pause: NodeJS.Timeout | undefined
    #failures = 0
    #restarts = 0
    #detail = ""
    /** Why it does not start, in its own words, when only a person can mend that. */
    #refusal: TrustkeyError | undefined
    #exited: Promise<void> = Promise.resolve()
    #waiting: (() => void)[] = []

    constructor(options: SignerProcessOptions) {
        this.#options = options
        this.#log = new LineLog(options.name, options.monotonic, options.log)
    }

    /** @throws signer_unavailable when it does not come up; it goes on trying */
    async start(): Promise<void> {
        await this.#spawn()
    }

    /**
     * The hot call. Fails at once when there is no process: then there is no handle either.
     *
     * @param onBegin called when the child can begin with it
     */
    async sign(
        handle: number,
        scheme: Scheme,
        message: Uint8Array,
        budgetMs = this.#options.deadlineMs,
        onBegin?: () => void,
    ): Promise<Buffer> {
        const frame = await this.#send((id) => encodeSignFrame(id, handle, schemeByte(scheme), message), budgetMs, onBegin)
        if (frame.kind !== FRAME_KINDS.signature) throw this.#breach("a signature was expected")
        return frame.body
    }

    /** Any other request. Waits a little for a process that is just coming back. */
    async control(
        operation: string,
        request: Readonly<Record<string, unknown>> = {},
        budgetMs = this.#options.deadlineMs,
        onBegin?: () => void,
    ): Promise<Fields> {
        if (!this.#takesCalls) await this.#comeback()
        return this.#call(operation, request, budgetMs, onBegin)
    }

    async #call(operation: string, request: Readonly<Record<string, unknown>>, budgetMs: number, onBegin?: () => void): Promise<Fields> {
        const frame = await this.#send((id) => encodeJsonFrame(FRAME_KINDS.control, id, { operation, ...request }), budgetMs, onBegin)
        if (frame.kind !== FRAME_KINDS.answer) throw this.#breach("an answer was expected")
        return this.#understand(() => Fields.parse(frame.body))
    }

    /** Read an answer; one that does not fit the protocol ends the process. */
    understand<T>(read: () => T): T {
        return this.#understand(read)
    }

    get isIdle(): boolean {
        return this.#pending.size === 0
    }

    get state(): SignerProcessState {
        const { name } = this.#options
        const base = { name, detail: this.#detail, restarts: this.#restarts }
        if (this.#refusal !== undefined) return { ...base, state: "failed" }
        if (this.#child === undefined) return { ...base, state: this.#isClosed || this.#failures > 0 ? "failed" : "starting" }
        if (!this.#takesCalls) return { ...base, state: this.#failures > HOPELESS_FAILURES ? "failed" : "starting" }
        return { ...base, state: this.#isBusy() ? "busy" : "ready" }
    }

    /** Nothing but `start` is asked of a process that has not answered it. */
    get #takesCalls(): boolean {
        return this.#child !== undefined && this.#isReady && !this.#isStopping && !this.#isDying
    }

    #isBusy(): boolean {
        const [oldest] = this.#pending.values()
        return oldest !== undefined && this.#options.monotonic() - Math.max(oldest.beganAt ?? 0, this.#lastAnswerAt) > BUSY_AFTER_MS
    }

    /** End the process, wait until it is gone, start a fresh one: only an end surely wipes what the runtime copied. */
    async restart(): Promise<void> {
        await this.#stop()
        if (this.#isClosed || this.#child !== undefined) return
        this.#restarts += 1
        await this.#spawn()
    }

    /** For a process that cannot be trusted any more; it comes back by itself. */
    kill(reason: string): void {
        this.#detail = reason
        if (this.#child === undefined) return
        this.#isDying = true
        this.#child.kill("SIGKILL")
    }

    async close(): Promise<void> {
        this.#isClosed = true
        clearTimeout(this.#pause)
        await this.#stop()
        clearTimeout(this.#watch)
        this.#wake()
    }

    async #spawn(): Promise<void> {
        const { execPath, nodeFlags, file, environment, configuration, name } = this.#options
        const child = spawn(execPath, [...nodeFlags, file], {
            cwd: "/",
            // Nothing of ours is inherited: the environment decides which token answers, and which libraries run.
            env: { ...environment },
            stdio: ["ignore", "ignore", "pipe", "pipe"],
        })
        this.#child = child
        this.#isReady = false
        this.#isStopping = false
        this.#isDying = false
        this.#spawnedAt = this.#options.monotonic()
        this.#exited = new Promise((resolve) => {
            // Not "exit": answers it gave before may still be in the pipe.
            child.on("close", (code, signal) => {
                this.#ended(child, code === null ? `was ended by ${signal}` : `ended with status ${code}`)
                resolve()
            })
        })
        // A helper that its PKCS#11 module started may live on and hold the other ends open; "close" would never come.
        child.on("exit", () => {
            setTimeout(() => {
                for (const stream of child.stdio) stream?.destroy()
            }, LAST_WORDS_MS).unref()
        })
        child.on("error", (error) => {
            this.#detail = "could not be started"
            this.#options.log({ level: "error", signer: name, event: "not-started", error: error.message })
        })
        this.#listen(child)
        try {
            const answer = await this.#call("start", { protocol: PROTOCOL_VERSION, ...configuration }, START_DEADLINE_MS)
            if (this.#understand(() => answer.integer("protocol")) !== PROTOCOL_VERSION) throw this.#breach("another protocol version")
            this.#isReady = true
            this.#detail = ""
            this.#refusal = undefined
            this.#wake()
        } catch (error) {
            if (error instanceof TrustkeyError && error.code === "module_invalid") {
                this.#refusal = error
                this.#detail = error.message
            }
            child.kill("SIGKILL")
            throw error
        }
    }

    #listen(child: ChildProcess): void {
        const reader = new FrameReader([FRAME_KINDS.answer, FRAME_KINDS.signature, FRAME_KINDS.failure, FRAME_KINDS.event])
        const pipe = child.stdio[3]
        pipe?.on("data", (chunk: Buffer) => {
            this.#lastAnswerAt = this.#options.monotonic()
            try {
                for (const frame of reader.push(chunk)) this.#receive(frame)
            } catch (error) {
                if (!(error instanceof FrameError)) throw error
                this.#breach(error.message)
            }
        })
        // What it means is decided when the child has ended.
        pipe?.on("error", () => child.kill("SIGKILL"))
        if (child.stderr !== null) this.#log.follow(child.stderr)
    }

    #receive(frame: Frame): void {
        if (frame.kind === FRAME_KINDS.event) {
            this.#options.onEvent(Fields.parse(frame.body))
            return
        }
        const pending = this.#pending.get(frame.id)
        if (pending === undefined) throw new FrameError("an answer to nothing")
        // Understood first: a breach of protocol ends the process, and its end settles what is still pending.
        const failure = frame.kind === FRAME_KINDS.failure ? parseFailure(frame) : undefined
        this.#pending.delete(frame.id)
        if (failure === undefined) pending.resolve(frame)
        else pending.reject(failure)
        this.#beginNext()
    }

    #beginNext(): void {
        const [next] = this.#pending.values()
        if (next === undefined || next.beganAt !== undefined) return
        next.beganAt = this.#options.monotonic()
        next.onBegin?.()
    }

    #understand<T>(read: () => T): T {
        try {
            return read()
        } catch (error) {
            if (!(error instanceof FrameError)) throw error
            throw this.#breach(error.message)
        }
    }

    #breach(what: string): TrustkeyError {
        this.#options.log({ level: "error", signer: this.#options.name, event: "protocol", detail: what })
        this.kill("it did not keep to the protocol")
        return unavailable()
    }

    #send(encode: (id: number) => Buffer, budgetMs: number, onBegin: (() => void) | undefined): Promise<Frame> {
        if (this.#child === undefined || this.#isStopping || this.#isDying) return Promise.reject(this.#refusal ?? unavailable())
        const id = this.#nextId
        this.#nextId = id === 0xffff_ffff ? 1 : id + 1
        let frame: Buffer
        try {
            frame = encode(id)
        } catch (error) {
            if (error instanceof FrameError)
                return Promise.reject(new TrustkeyError("payload_too_large", "what is to be signed is too large"))
            throw error
        }
        return new Promise((resolve, reject) => {
            this.#pending.set(id, { resolve, reject, budgetMs, onBegin, beganAt: undefined })
            if (this.#pending.size === 1) this.#beginNext()
            // Everything asked for in one turn of the loop leaves in one write.
            if (this.#outgoing.push(frame) === 1) process.nextTick(() => this.#flush())
            this.#watch ??= setTimeout(() => this.#checkDeadlines(), WATCH_MS)
        })
    }

    #flush(): void {
        const frames = this.#outgoing
        this.#outgoing = []
        const pipe = this.#child?.stdio[3]
        if (pipe === undefined || pipe === null || !("write" in pipe) || this.#isStopping) return
        const [first] = frames
        const size = frames.reduce((sum, frame) => sum + frame.length, 0)
        if (first !== undefined && frames.length === 1) pipe.write(first)
        else if (size <= JOIN_LIMIT) pipe.write(Buffer.concat(frames, size))
        else {
            pipe.cork()
            for (const frame of frames) pipe.write(frame)
            pipe.uncork()
        }
    }

    /** A call's time runs from when the child could begin with it: what waits behind a touch is not late. */
    #checkDeadlines(): void {
        this.#watch = undefined
        const [first] = this.#pending
        // Of one that is being killed everything fails when it is gone.
        if (first !== undefined && !this.#isDying) {
            const [id, { beganAt, budgetMs, reject }] = first
            const now = this.#options.monotonic()
            if (now - (beganAt ?? now) > budgetMs) {
                this.#pending.delete(id)
                reject(new TrustkeyError("deadline_exceeded", `${this.#options.name} did not answer in time`))
                this.#options.log({ level: "error", signer: this.#options.name, event: "deadline", budgetMs })
                this.kill("it did not answer in time")
            }
        }
        if (this.#pending.size > 0) this.#watch = setTimeout(() => this.#checkDeadlines(), WATCH_MS)
    }

    #ended(child: ChildProcess, how: string): void {
        if (this.#child !== child) return
        const lived = this.#options.monotonic() - this.#spawnedAt
        const wanted = this.#isStopping
        this.#child = undefined
        this.#isReady = false
        this.#isStopping = false
        this.#isDying = false
        this.#outgoing = []
        this.#options.onDown()
        const pending = [...this.#pending.values()]
        this.#pending.clear()
        for (const call of pending) call.reject(unavailable())
        if (wanted || this.#isClosed) return
        if (this.#detail === "") this.#detail = how
        this.#options.log({ level: "error", signer: this.#options.name, event: "ended", detail: how, pending: pending.length })
        this.#failures = lived > STABLE_MS ? 1 : this.#failures + 1
        this.#wake()
        this.#pause = setTimeout(() => void this.#respawn(), Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS))
    }

    async #respawn(): Promise<void> {
        if (this.#isClosed || this.#child !== undefined) return
        this.#restarts += 1
        try {
            await this.#spawn()
            this.#options.onRespawn()
        } catch {
            // It was killed; its end starts the next, longer pause.
        }
    }

    async #stop(): Promise<void> {
        clearTimeout(this.#pause)
        const child = this.#child
        if (child === undefined) return
        if (!this.#isStopping) {
            this.#flush()
            this.#isStopping = true
            const pipe = child.stdio[3]
            // Its answers to what was asked before still come.
            if (pipe !== undefined && pipe !== null && "end" in pipe) pipe.end()
        }
        const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS)
        await this.#exited
        clearTimeout(impatience)
    }

    /** @throws signer_unavailable */
    async #comeback(): Promise<void> {
        const until = this.#options.monotonic() + COMEBACK_MS
        while (!this.#takesCalls) {
            if (this.#refusal !== undefined) throw this.#refusal
            const left = until - this.#options.monotonic()
            if (this.#isClosed || left <= 0 || this.#failures > HOPELESS_FAILURES) throw unavailable()
            await new Promise<void>((resolve) => {
                const timer = setTimeout(resolve, left)
                this.#waiting.push(() => {
                    clearTimeout(timer)
                    resolve()
                })
            })
        }
    }

    #wake(): void {
        const waiting = this.#waiting
        this.#waiting = []
        for (const resume of waiting) resume()
    }
}

/** What a child writes to stderr: logged, cut and counted, never understood. */
class LineLog {
    readonly #name: string
    readonly #monotonic: () => number
    readonly #log: (record: object) => void
    #minute = 0
    #lines = 0
    #burstSince = 0
    #burst = 0

    constructor(name: string, monotonic: () => number, log: (record: object) => void) {
        this.#name = name
        this.#monotonic = monotonic
        this.#log = log
    }

    follow(stream: Readable): void {
        let rest = ""
        stream.setEncoding("utf8")
        stream.on("data", (text: string) => {
            this.#slowDown(stream, text.length)
            const lines = (rest + text).slice(0, 64 * 1024).split("\n")
            rest = (lines.pop() ?? "").slice(0, LOG_LINE_LENGTH)
            for (const line of lines) this.#write(line)
        })
        stream.on("end", () => {
            if (rest !== "") this.#write(rest)
        })
        stream.on("error", () => {})
    }

    /** One that prints without end is read this fast and no faster: then it waits for us, and the daemon for nobody. */
    #slowDown(stream: Readable, length: number): void {
        const now = this.#monotonic()
        if (now - this.#burstSince > BURST_MS) {
            this.#burstSince = now
            this.#burst = 0
        }
        this.#burst += length
        if (this.#burst <= BURST_LENGTH) return
        stream.pause()
        setTimeout(() => stream.resume(), BURST_MS).unref()
    }

    #write(line: string): void {
        const minute = Math.floor(this.#monotonic() / 60_000)
        if (minute !== this.#minute) {
            this.#minute = minute
            this.#lines = 0
        }
        this.#lines += 1
        if (this.#lines > LOG_LINES_PER_MINUTE) return
        const more = this.#lines === LOG_LINES_PER_MINUTE ? { more: "left out until the next minute" } : {}
        this.#log({ level: "warn", signer: this.#name, event: "stderr", line: line.slice(0, LOG_LINE_LENGTH), ...more })
    }
}

function parseFailure(frame: Frame): TrustkeyError {
    const fields = Fields.parse(frame.body)
    const code = fields.text("code")
    if (!isErrorCode(code)) throw new FrameError("an error code is unknown")
    return new TrustkeyError(code, fields.text("message"))
}

export function unavailable(): TrustkeyError {
    return new TrustkeyError("signer_unavailable", "the signer is being restarted; try again")
}
