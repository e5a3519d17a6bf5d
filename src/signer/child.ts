import { Socket } from "node:net"
import type { Scheme } from "../crypto/index.ts"
import { SecretInbox } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { Fields, toBase64 } from "./fields.ts"
import { encodeFrame, encodeJsonFrame, FRAME_KINDS, type Frame, FrameError, FrameReader, SIGN_HEADER_LENGTH } from "./frames.ts"
import { encodeError, PROTOCOL_VERSION, parseContext, parseSchemeByte } from "./messages.ts"
import { hardenProcess, openBootClock, openCollector } from "./native.ts"

/** The inherited end of the socket pair. */
const PIPE = 3
// A slow key would keep finished signatures back; a fast one is best answered in batches.
const FLUSH_AFTER_MS = 0.5
// What a request left behind is collected so soon after it; of many in a row once.
const COLLECT_AFTER_MS = 1_000

/** What a kind of signer does; the rest of the child is the same for all. */
export type Signer = {
    /** The hot request. Synchronous: one owner thread, one operation at a time. @throws TrustkeyError */
    sign(handle: number, scheme: Scheme, message: Buffer): Uint8Array
    /** Every other request; the answer becomes JSON. @throws TrustkeyError */
    control(operation: string, request: Fields): unknown
    /** The pipe is closed: forget everything. */
    close(): void
    /** Nothing begins before what came earlier is answered, not even beside a control request that works elsewhere. */
    readonly oneByOne?: boolean
    /** Whether a signature of this key may wait for a person. */
    mayWait?(handle: number): boolean
}

/** What the child gives its signer. */
export type Surroundings = {
    /** Milliseconds, CLOCK_BOOTTIME */
    readonly clock: () => number
    /** TK-SEC-2: it opens what was sealed for this process; the parent passes ciphertext. */
    readonly inbox: SecretInbox
    /** Tell the parent something it did not ask for. */
    readonly announce: (event: object) => void
    /** Answer what is under way, then end: the module is beyond repair. */
    readonly giveUp: () => void
}

/** Ends the process. Handed in by bin, which alone chooses exit codes. */
export type Exit = (code: number) => never

/** Run a signer until its parent goes away. The parent's first request, `start`, carries the configuration. */
export function runSigner(open: (surroundings: Surroundings, configuration: Fields) => Signer, exit: Exit): void {
    hardenProcess()
    // Whoever stops the daemon's process group means the daemon; it lets us go when the last answer is out.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => {})
    process.on("uncaughtException", (error) => {
        process.stderr.write(`signer ended: ${describe(error)}\n`)
        exit(1)
    })
    new Child(open, exit).run()
}

class Child {
    readonly #open: (surroundings: Surroundings, configuration: Fields) => Signer
    readonly #socket = new Socket({ fd: PIPE, readable: true, writable: true, allowHalfOpen: true })
    readonly #reader = new FrameReader([FRAME_KINDS.control, FRAME_KINDS.sign])
    readonly #clock = openBootClock()
    readonly #inbox = new SecretInbox(this.#clock)
    readonly #collect = openCollector()
    readonly #exit: Exit
    #collecting: NodeJS.Timeout | undefined
    #signer: Signer | undefined
    #answers: Uint8Array[] = []
    /** For a signer that takes one call at a time: frames behind a request that is not answered yet. */
    #waiting: Frame[] = []
    #isAtWork = false
    #leavesAfter = false

    constructor(open: (surroundings: Surroundings, configuration: Fields) => Signer, exit: Exit) {
        this.#open = open
        this.#exit = exit
    }

    run(): void {
        this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk))
        this.#socket.on("end", () => this.#leave())
        this.#socket.on("error", () => this.#leave())
    }

    #receive(chunk: Buffer): void {
        this.#work(this.#reader.push(chunk))
    }

    #work(frames: Iterable<Frame>): void {
        let flushedAt = performance.now()
        for (const frame of frames) {
            if (this.#isAtWork) this.#waiting.push(frame)
            else if (frame.kind === FRAME_KINDS.sign) this.#sign(frame)
            else void this.#control(frame)
            const now = performance.now()
            if (now - flushedAt > FLUSH_AFTER_MS) {
                this.#flush()
                flushedAt = now
            }
        }
        this.#flush()
    }

    #sign(frame: Frame): void {
        if (frame.body.length < SIGN_HEADER_LENGTH || this.#signer === undefined)
            throw new FrameError("a sign frame is too short or too early")
        const handle = frame.body.readUInt32BE(0)
        const scheme = parseSchemeByte(frame.body.readUInt8(4))
        // What is done leaves before anybody is waited for.
        if (this.#signer.mayWait?.(handle) === true) this.#flush()
        try {
            const signature = this.#signer.sign(handle, scheme, frame.body.subarray(SIGN_HEADER_LENGTH))
            this.#answers.push(encodeFrame(FRAME_KINDS.signature, frame.id, signature))
        } catch (error) {
            this.#fail(frame.id, error)
        }
    }

    async #control(frame: Frame): Promise<void> {
        this.#flush()
        try {
            const request = Fields.parse(frame.body)
            const answer = this.#dispatch(request.text("operation"), request)
            // What is known at once is answered at once: the next frame may take as long as a person does.
            const settled = answer instanceof Promise ? await this.#wait(answer) : answer
            this.#answers.push(encodeJsonFrame(FRAME_KINDS.answer, frame.id, settled ?? {}))
        } catch (error) {
            this.#fail(frame.id, error)
        }
        this.#flush()
        this.#collectSoon()
        if (this.#isAtWork) return
        if (this.#waiting.length > 0) this.#work(this.#waiting.splice(0))
        if (this.#leavesAfter && !this.#isAtWork) this.#leave()
    }

    async #wait(answer: Promise<unknown>): Promise<unknown> {
        this.#isAtWork = this.#signer?.oneByOne === true
        try {
            return await answer
        } finally {
            this.#isAtWork = false
        }
    }

    #dispatch(operation: string, request: Fields): unknown {
        if (operation === "start") return this.#start(request)
        if (operation === "challenge") {
            const nonce = this.#inbox.challenge(parseContext(request), request.text("owner"))
            return { signerPublic: toBase64(this.#inbox.publicKey), nonce: toBase64(nonce) }
        }
        if (this.#signer === undefined) throw new FrameError("the first request is not start")
        return this.#signer.control(operation, request)
    }

    #start(request: Fields): object {
        if (request.integer("protocol") !== PROTOCOL_VERSION) throw new FrameError("the parent speaks another version")
        this.#signer = this.#open(
            {
                clock: this.#clock,
                inbox: this.#inbox,
                announce: (event) => {
                    this.#collectSoon()
                    this.#answers.push(encodeJsonFrame(FRAME_KINDS.event, 0, event))
                    setImmediate(() => this.#flush())
                },
                giveUp: () => setImmediate(() => this.#leave()),
            },
            request,
        )
        return { protocol: PROTOCOL_VERSION }
    }

    /** Opened keys that were locked or have expired, and what it took to open others, are garbage by now, and not yet wiped. */
    #collectSoon(): void {
        this.#collecting ??= setTimeout(() => {
            this.#collecting = undefined
            this.#collect()
        }, COLLECT_AFTER_MS).unref()
    }

    #fail(id: number, error: unknown): void {
        if (error instanceof FrameError) throw error
        if (error instanceof TrustkeyError) {
            if (error.cause !== undefined) process.stderr.write(`${error.code}: ${describe(error.cause)}\n`)
            this.#answers.push(encodeJsonFrame(FRAME_KINDS.failure, id, encodeError(error)))
            return
        }
        process.stderr.write(`unexpected: ${describe(error)}\n`)
        this.#answers.push(encodeJsonFrame(FRAME_KINDS.failure, id, { code: "internal", message: "the signer failed" }))
    }

    #flush(): void {
        const [first] = this.#answers
        if (first === undefined) return
        const data = this.#answers.length === 1 ? first : Buffer.concat(this.#answers)
        this.#answers = []
        this.#socket.write(data)
    }

    #leave(): void {
        // What was read before the end is answered before it.
        if (this.#isAtWork) {
            this.#leavesAfter = true
            return
        }
        this.#flush()
        this.#signer?.close()
        this.#inbox[Symbol.dispose]()
        // destroySoon: what was answered still leaves.
        this.#socket.end(() => this.#exit(0))
        setTimeout(() => this.#exit(0), 500).unref()
    }
}

function describe(error: unknown): string {
    return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 300) : "not an Error"
}
