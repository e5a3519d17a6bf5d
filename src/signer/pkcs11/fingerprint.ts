import { argon2, createHash, randomBytes } from "node:crypto"
import { promisify } from "node:util"
import { LEAST_COST, type Secret } from "../../crypto/index.ts"
import { toBase64 } from "../fields.ts"

const argon2Async = promisify(argon2)

/**
 * One byte of Argon2id: enough to notice that a credential still has the refused value, and all a thief of the database
 * learns about that value. One changed value in 256 looks like the old one; a typed PIN gets around it.
 */
export async function fingerprint(pin: Secret, salt: Buffer): Promise<Buffer> {
    // A digest in between: the runtime copies what it hashes, and this copy is no PIN.
    const message = pin.reveal((bytes) => createHash("sha256").update("trustkeyd pin fingerprint\n").update(bytes).digest())
    const { passes, memoryKiB: memory, lanes: parallelism } = LEAST_COST
    const tag = await argon2Async("argon2id", { message, nonce: salt, parallelism, tagLength: 32, memory, passes })
    message.fill(0)
    return tag.subarray(0, 1)
}

/** What is written down of a value before it is tried. Of one that is typed on the token itself there is nothing but that. */
export async function markOf(pin: Secret | undefined): Promise<{ readonly fingerprint: string; readonly salt: string }> {
    const salt = randomBytes(16)
    const mark = pin === undefined ? Buffer.alloc(0) : await fingerprint(pin, salt)
    return { fingerprint: toBase64(mark), salt: toBase64(salt) }
}
