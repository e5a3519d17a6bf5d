import { Secret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Terminal } from "./terminal.ts"

const MAX_SECRET_BYTES = 64 * 1024

/**
 * Inherited descriptors with secrets behind them. One can be read once, and the first signature in a repository makes several keys: what
 * was read is kept until the command has ended, and wiped then.
 */
export class SecretDescriptors implements Disposable {
    readonly #terminal: Terminal
    readonly #reading = new Map<number, Promise<Secret>>()
    readonly #secrets: Secret[] = []

    constructor(terminal: Terminal) {
        this.#terminal = terminal
    }

    /** One newline at the end is dropped. Whoever is given the secret wipes it. @throws usage, payload_too_large */
    async read(descriptor: number): Promise<Secret> {
        const reading = this.#reading.get(descriptor) ?? this.#readAndKeep(descriptor)
        this.#reading.set(descriptor, reading)
        const secret = await reading
        return secret.reveal((bytes) => new Secret(Buffer.from(bytes)))
    }

    /** Doesn't wait: what somebody still reads may never end. */
    [Symbol.dispose](): void {
        for (const secret of this.#secrets) secret[Symbol.dispose]()
        this.#secrets.length = 0
        this.#reading.clear()
    }

    async #readAndKeep(descriptor: number): Promise<Secret> {
        const secret = await readDescriptor(this.#terminal, descriptor)
        this.#secrets.push(secret)
        return secret
    }
}

async function readDescriptor(terminal: Terminal, descriptor: number): Promise<Secret> {
    const collected = Buffer.alloc(MAX_SECRET_BYTES)
    let length = 0
    try {
        for await (const chunk of terminal.openDescriptor(descriptor)) {
            const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk
            if (length + bytes.length > MAX_SECRET_BYTES) throw new TrustkeyError("payload_too_large", "a secret has at most 64 KiB")
            collected.set(bytes, length)
            length += bytes.length
            bytes.fill(0)
        }
        if (length > 0 && collected[length - 1] === 0x0a) length -= 1
        return new Secret(Buffer.from(collected.subarray(0, length)))
    } catch (error) {
        if (error instanceof TrustkeyError) throw error
        throw new TrustkeyError("usage", `file descriptor ${descriptor} can't be read`, { cause: error })
    } finally {
        collected.fill(0)
    }
}
