import type { SealedSecret } from "../../crypto/index.ts"
import type { KeySubject, RawFile } from "../../custody/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Binding } from "../../journal/index.ts"
import { isCredentialName } from "../../signer/index.ts"
import { type Gun, parseExpires, parseGun, parseKeyId, parseRoleName, type RoleName } from "../../tuf/index.ts"
import type { Binding__Output } from "../../wire/trustkeyd/v1/Binding.ts"
import type { MetadataFile__Output } from "../../wire/trustkeyd/v1/MetadataFile.ts"
import type { SealedSecret__Output } from "../../wire/trustkeyd/v1/SealedSecret.ts"

const MAX_PAGE = 1000
const MAX_BINDINGS = 256
const MAX_FILES = 4096
export const MAX_KEYS_PER_ROLE = 64
/** The signatures around a `signed` value. */
const FILE_SLACK_BYTES = 64 * 1024
/** A passphrase, or a private key: PKCS#8 with RSA-4096 has 2375 bytes. With the tag. */
const MAX_SEALED_BYTES = 4096 + 16
export const MAX_URI = 4096

export function decodeKeyReference(id: string): string {
    if (!/^[0-9a-f]{7,64}$/.test(id)) throw invalid("key ID", "has to be 7 to 64 lower-case hex digits")
    return id
}

export function placeFilter(wire: { readonly gun: string; readonly role: string }): { readonly gun?: Gun; readonly role?: RoleName } {
    return {
        ...(wire.gun === "" ? {} : { gun: parseGun(wire.gun) }),
        ...(wire.role === "" ? {} : { role: parseRoleName(wire.role) }),
    }
}

/** 0 is "not said"; more than a page is a page. */
export function pageSize(wanted: number): number {
    return wanted === 0 ? MAX_PAGE : Math.min(wanted, MAX_PAGE)
}

export function keySubject(wire: { readonly subject?: string; readonly keyId?: string; readonly group?: string }): KeySubject {
    if (wire.subject === "keyId") return { keyId: decodeKeyReference(wire.keyId ?? "") }
    if (wire.subject === "group") return { group: groupName(wire.group ?? "") }
    throw invalid("subject", "is missing: a key or a group")
}

export function keyIds(ids: readonly string[]): readonly string[] {
    return atMost("key_ids", ids, MAX_KEYS_PER_ROLE).map(parseKeyId)
}

export function bindings(wire: readonly Binding__Output[]): readonly Binding[] {
    return atMost("bindings", wire, MAX_BINDINGS).map(({ gun, role }) => ({ gun: parseGun(gun), role: parseRoleName(role) }))
}

export function files(field: string, wire: readonly MetadataFile__Output[], maxPayloadBytes: number): readonly RawFile[] {
    return atMost(field, wire, MAX_FILES).map(({ role, content }) => {
        return { role: parseRoleName(role), content: payload("content", content, maxPayloadBytes + FILE_SLACK_BYTES) }
    })
}

export function sealed(field: string, wire: SealedSecret__Output | null | undefined): SealedSecret {
    if (wire === null || wire === undefined) throw invalid(field, "is missing")
    if (wire.ephemeralPublic.length !== 32) throw invalid(field, "has no X25519 key of 32 bytes")
    if (wire.nonce.length !== 16) throw invalid(field, "has no nonce of 16 bytes")
    if (wire.ciphertext.length <= 16 || wire.ciphertext.length > MAX_SEALED_BYTES) throw invalid(field, "is empty or too long")
    return { ephemeralPublic: wire.ephemeralPublic, nonce: wire.nonce, ciphertext: wire.ciphertext }
}

export function groupName(text: string): string {
    return matching("group", text, /^[a-z0-9][a-z0-9._-]{0,63}$/)
}

export function credentialName(text: string): string {
    if (!isCredentialName(text)) throw invalid("credential", "is no credential's name")
    return text
}

export function tokenName(text: string): string {
    return matching("token", text, /^[a-z0-9][a-z0-9-]{0,31}$/)
}

export function confirmation(text: string): string {
    if (text.length > 512) throw invalid("confirm", "is too long")
    return text
}

export function wholeSeconds(text: string): Date {
    return parseExpires(matching("expires", text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), "go-normal")
}

export function version(value: number): number {
    if (value < 1) throw invalid("version", "must be at least 1")
    return wholeNumber("version", value)
}

export function wholeNumber(field: string, value: number): number {
    if (!Number.isSafeInteger(value)) throw invalid(field, "is larger than 2^53 - 1")
    return value
}

/** `undefined`: a value that this version doesn't know, or none. */
export function known<T>(field: string, value: T | undefined): T {
    if (value === undefined) throw invalid(field, "is missing or unknown")
    return value
}

export function payload(field: string, bytes: Uint8Array, maxBytes: number): Uint8Array {
    if (bytes.length === 0) throw invalid(field, "is empty")
    if (bytes.length > maxBytes) throw new TrustkeyError("payload_too_large", `${field} is over ${maxBytes} bytes`)
    return bytes
}

export function atMost<T>(field: string, list: readonly T[], most: number): readonly T[] {
    if (list.length > most) throw invalid(field, `has more than ${most} elements`)
    return list
}

export function matching(field: string, text: string, form: RegExp): string {
    if (!form.test(text)) throw invalid(field, text === "" ? "is missing" : "is malformed")
    return text
}

export function invalid(field: string, what: string): TrustkeyError {
    return new TrustkeyError("invalid_request", `${field} ${what}`)
}
