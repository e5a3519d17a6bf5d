import { sha256 } from "../crypto/index.ts"
import type { Gun } from "./gun.ts"
import type { SignedMetadata } from "./signed.ts"

/**
 * What two people on two machines compare to know that they look at the same change: SHA-256 over the repository, the role, the hash of
 * what is signed, and the sentences that were shown, each on a line of its own.
 *
 * @param difference what diffMetadata says of `signed`
 * @returns 32 bytes
 */
export function differenceCode(gun: Gun, signed: SignedMetadata, difference: readonly string[]): Buffer {
    const lines = [gun, signed.role, signed.sha256, ...difference]
    return sha256(Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8"))
}
