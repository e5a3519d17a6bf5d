import { createHash } from "node:crypto"

export function sha256(bytes: Uint8Array): Buffer {
    return createHash("sha256").update(bytes).digest()
}

export function sha512(bytes: Uint8Array): Buffer {
    return createHash("sha512").update(bytes).digest()
}
