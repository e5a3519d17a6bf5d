import { TrustkeyError } from "../errors.ts"
import { Fields, quote, reject, toArray, toBytes, toText } from "./fields.ts"
import { type Json, MAX_SIGNED_BYTES, parseJson } from "./json.ts"
import { readKeyIds } from "./key.ts"
import type { RoleName } from "./role.ts"
import { isKnownMethod, type Signature } from "./signature.ts"
import { parseSigned, readSigned, type SignedMetadata } from "./signed.ts"

/** A whole file: `content` is what hashes are over, `signed.bytes` what signatures are over. */
export type MetadataFile = {
    readonly role: RoleName
    readonly content: Uint8Array
    readonly signed: SignedMetadata
    readonly signatures: readonly Signature[]
}

/** Escapes and signatures make a file longer than its body. */
export const MAX_FILE_BYTES = 2 * MAX_SIGNED_BYTES
// Each may cost a verification.
const MAX_SIGNATURES = 256
// The envelope is one level more than the body.
const MAX_FILE_DEPTH = 33

/**
 * Parse a file a server serves. Where Notary is lenient so are we: any JSON style, unknown fields, surplus roles and hash algorithms, absent
 * or null lists, roles without enough keys, any zone in `expires`. Nothing is verified.
 *
 * @throws metadata_rejected, payload_too_large (16 MiB)
 */
export function parseFile(content: Uint8Array, role: RoleName): MetadataFile {
    const fields = new Fields(parseJson(content, { maxBytes: MAX_FILE_BYTES, maxDepth: MAX_FILE_DEPTH }), role, "served", [
        "signatures",
        "signed",
    ])
    const signatures = toArray(fields.find("signatures") ?? [], `${role} signatures`)
    if (signatures.length > MAX_SIGNATURES) reject(role, `has more than ${MAX_SIGNATURES} signatures`)
    return {
        role,
        content,
        signed: readSigned(fields.get("signed"), role, "served"),
        signatures: signatures.map((signature) => readSignature(signature, `${role} signature`)),
    }
}

function readSignature(value: Json, where: string): Signature {
    const fields = new Fields(value, where, "served", ["keyid", "method", "sig"])
    const [keyId] = readKeyIds([fields.get("keyid")], `${where} keyid`)
    if (keyId === undefined) return reject(where, "keyid is missing")
    return { keyId, method: toText(fields.get("method"), `${where} method`).toLowerCase(), sig: toBytes(fields.get("sig"), `${where} sig`) }
}

/**
 * The file, byte for byte as Go would write it. A server hashes what it writes itself, so one byte of difference makes the repository
 * unreadable for everybody.
 *
 * @throws metadata_rejected when `signed` came from a file of others and would not survive being written by Notary.
 * @throws invalid_request for no signature, two of one key, or a method Notary does not know.
 */
export function assembleFile(signed: SignedMetadata, signatures: readonly Signature[]): Buffer {
    if (!signed.isFitToSign) parseSigned(signed.bytes, signed.role)
    if (signatures.length === 0) throw new TrustkeyError("invalid_request", `${signed.role}: a file needs a signature`)
    if (new Set(signatures.map(({ keyId }) => keyId)).size < signatures.length) {
        throw new TrustkeyError("invalid_request", `${signed.role}: two signatures of one key`)
    }
    const list = signatures.map((signature) => signatureText(signed.role, signature)).join(",")
    return Buffer.from(`{"signed":${escapeAsGo(signed.bytes.toString("utf8"))},"signatures":[${list}]}`, "utf8")
}

function signatureText(role: RoleName, { keyId, method, sig }: Signature): string {
    if (!isKnownMethod(method)) throw new TrustkeyError("invalid_request", `${role}: the signature method ${quote(method)} is unknown`)
    // Go writes the members of a struct in their order, not sorted.
    return `{"keyid":"${keyId}","method":"${method}","sig":"${Buffer.from(sig).toString("base64")}"}`
}

// encoding/json's HTML escaping, which it also applies to values rendered before. None of the five can stand outside a string.
const GO_ESCAPES = ["<", ">", "&", "\u2028", "\u2029"].map(
    (character) => [character, `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`] as const,
)

function escapeAsGo(text: string): string {
    let escaped = text
    for (const [character, written] of GO_ESCAPES) if (escaped.includes(character)) escaped = escaped.replaceAll(character, written)
    return escaped
}
