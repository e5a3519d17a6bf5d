import { TrustkeyError } from "../errors.ts"
import type { SignedMetadata } from "./signed.ts"

export function isExpired(signed: SignedMetadata, now: Date): boolean {
    return signed.document.expires < now
}

/** @throws metadata_expired */
export function checkUnexpired(signed: SignedMetadata, now: Date): void {
    if (!isExpired(signed, now)) return
    const { version, expires } = signed.document
    throw new TrustkeyError("metadata_expired", `${signed.role} version ${version} expired on ${expires.toISOString()}`)
}
