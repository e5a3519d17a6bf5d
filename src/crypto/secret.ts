import { randomFillSync, timingSafeEqual } from "node:crypto"
import { inspect } from "node:util"
import { TrustkeyError } from "../errors.ts"

/**
 * Zeros, for a secret to be written into. The runtime keeps arrays of up to 64 bytes inside its own heap, moves them about when it collects
 * garbage, and leaves what they held where they lay: `Buffer.alloc(32)` can't be wiped. These bytes stay where they are.
 */
export function secretBytes(length: number): Buffer {
    return Buffer.from(new ArrayBuffer(length))
}

/**
 * Bytes that must not be seen, wiped when the block that holds them ends (TK-SEC-1).
 *
 * The runtime may have copied them before they came here. This keeps secrets out of logs and shortens their life; it is
 * no vault.
 */
export class Secret implements Disposable {
    readonly #bytes: Buffer
    #wiped = false

    /** Takes over `bytes`: the caller must not keep them. Up to 64 of them are from `secretBytes`, or from outside the runtime. */
    constructor(bytes: Buffer) {
        this.#bytes = bytes
    }

    static random(length: number): Secret {
        const bytes = secretBytes(length)
        randomFillSync(bytes)
        return new Secret(bytes)
    }

    get length(): number {
        return this.#bytes.length
    }

    /**
     * Lend the bytes to `use`; they mean nothing after it returns.
     *
     * @throws internal once wiped: a key of zeros would seem to work
     */
    reveal<T>(use: (bytes: Buffer) => T): T {
        if (this.#wiped) throw new TrustkeyError("internal", "a secret was used after it was wiped")
        return use(this.#bytes)
    }

    /** Takes the same time wherever they differ. */
    equals(other: Secret): boolean {
        return this.length === other.length && this.reveal((mine) => other.reveal((theirs) => timingSafeEqual(mine, theirs)))
    }

    /** A second one, to be wiped on its own. */
    clone(): Secret {
        // Not Buffer.from(buffer): small ones would share the runtime's pool.
        return this.reveal((bytes) => {
            const copy = secretBytes(bytes.length)
            bytes.copy(copy)
            return new Secret(copy)
        })
    }

    [Symbol.dispose](): void {
        this.#bytes.fill(0)
        this.#wiped = true
    }

    toString(): string {
        return "[secret]"
    }

    toJSON(): string {
        return "[secret]"
    }

    [inspect.custom](): string {
        return "[secret]"
    }
}
