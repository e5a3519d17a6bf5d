import { createRequire } from "node:module"
import path from "node:path"
import { TrustkeyError } from "../errors.ts"
import { Secret } from "./secret.ts"

export type Argon2Cost = { readonly passes: number; readonly memoryKiB: number; readonly lanes: number }

/** About 0.4 s and 300 MB on a small machine. */
export const DEFAULT_COST: Argon2Cost = Object.freeze({ passes: 3, memoryKiB: 256 * 1024, lanes: 4 })

/** RFC 9106 §4, second recommended option. Fewer lanes are no weaker, so only passes and memory have this floor. */
export const LEAST_COST: Argon2Cost = Object.freeze({ passes: 3, memoryKiB: 64 * 1024, lanes: 4 })

/** What a damaged or forged envelope can make us spend. */
export const LARGEST_COST: Argon2Cost = Object.freeze({ passes: 16, memoryKiB: 2 * 1024 * 1024, lanes: 16 })

// argon2.h: Argon2_id, ARGON2_VERSION_13
const ARGON2ID = 2
const VERSION = 0x13
const HASH_LENGTH = 32

/**
 * The package's native function. Its JavaScript wrapper copies the passphrase into the runtime's Buffer pool and leaves it
 * there; this one copies it into memory that Argon2 clears. What remains is the C++ copy of the result, until its memory is
 * used again: one reason why locking everything ends the process.
 */
type NativeArgon2 = (options: {
    readonly password: Buffer
    readonly salt: Buffer
    readonly secret: Buffer
    readonly data: Buffer
    readonly hashLength: number
    readonly m: number
    readonly t: number
    readonly p: number
    readonly version: number
    readonly type: number
}) => Promise<Buffer>

// Loaded when first needed: a client never needs it.
let native: NativeArgon2 | undefined

let last: Promise<unknown> = Promise.resolve()

/** Whether we would seal with `cost`, and open what was sealed with it. */
export function isCostAllowed({ passes, memoryKiB, lanes }: Argon2Cost): boolean {
    return (
        isWithin(passes, LEAST_COST.passes, LARGEST_COST.passes) &&
        isWithin(memoryKiB, LEAST_COST.memoryKiB, LARGEST_COST.memoryKiB) &&
        isWithin(lanes, 1, LARGEST_COST.lanes)
    )
}

/**
 * Argon2id v1.3, 32 bytes. One at a time in this process: together they would take all memory and all threads of the pool.
 *
 * @throws overloaded when there is not enough memory
 */
export function argon2id(secret: Secret, salt: Uint8Array, cost: Argon2Cost): Promise<Secret> {
    const result = last.then(() => hash(secret, salt, cost))
    last = result.catch(() => undefined)
    return result
}

async function hash(secret: Secret, salt: Uint8Array, cost: Argon2Cost): Promise<Secret> {
    if (!isCostAllowed(cost)) throw new TrustkeyError("internal", "an Argon2 cost out of bounds")
    native ??= parseBinding(loadBinding())
    const compute = native
    try {
        const hash = await secret.reveal((password) =>
            compute({
                password,
                salt: Buffer.from(salt),
                secret: Buffer.alloc(0),
                data: Buffer.alloc(0),
                hashLength: HASH_LENGTH,
                m: cost.memoryKiB,
                t: cost.passes,
                p: cost.lanes,
                version: VERSION,
                type: ARGON2ID,
            }),
        )
        return new Secret(hash)
    } catch (cause) {
        if (cause instanceof TrustkeyError) throw cause
        throw new TrustkeyError("overloaded", "there is not enough memory for Argon2 now", { cause })
    }
}

function isWithin(value: number, least: number, largest: number): boolean {
    return Number.isSafeInteger(value) && value >= least && value <= largest
}

/** As the package itself does it: it exports no way to its binding. */
function loadBinding(): unknown {
    const main = createRequire(import.meta.url).resolve("argon2")
    const find: unknown = createRequire(main)("node-gyp-build")
    if (typeof find !== "function") throw new Error("node-gyp-build is not a function")
    return find(path.dirname(main))
}

function parseBinding(binding: unknown): NativeArgon2 {
    if (typeof binding === "object" && binding !== null && "hash" in binding && typeof binding.hash === "function") {
        return binding.hash as NativeArgon2
    }
    throw new Error("the native part of argon2 has no hash()")
}
