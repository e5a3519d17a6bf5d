import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { canonicalize } from "./canonical.ts"
import { parseExpires } from "./expires.ts"
import { Fields, type Purpose, quote, reject, toInteger, toObject, toText } from "./fields.ts"
import { hasControlCharacters, type Json, parseJson } from "./json.ts"
import type { MetadataDocument } from "./metadata.ts"
import { isDelegation, type RoleName } from "./role.ts"
import { ROOT_FIELDS, readRoot } from "./root.ts"
import { META_FIELDS, readSnapshot, readTimestamp } from "./snapshot.ts"
import { readTargets, TARGETS_FIELDS } from "./targets.ts"

// Notary's database keeps versions in 32 bits. A role signed beyond could never be published again, nor go back.
const MAX_VERSION = 2 ** 31 - 1

/** A parsed `signed` value. Made only by parseSigned and parseFile. */
export class SignedMetadata {
    readonly #purpose: Purpose
    readonly role: RoleName
    readonly document: MetadataDocument
    /** Canonical: what signatures are over. */
    readonly bytes: Buffer
    /** Of `bytes`, hex. */
    readonly sha256: string

    constructor(purpose: Purpose, role: RoleName, document: MetadataDocument, bytes: Buffer) {
        this.#purpose = purpose
        this.role = role
        this.document = document
        this.bytes = bytes
        this.sha256 = sha256(bytes).toString("hex")
    }

    /** Whether it was held to what we sign, and not to what we bear in files of others. */
    get isFitToSign(): boolean {
        return this.#purpose === "sign"
    }
}

/**
 * Parse a body we are asked to sign: exactly what Notary's serialiser would write, nothing unknown in it, key IDs recomputed, thresholds
 * that can be met. With `requireCanonical: false` the text may be any JSON of that value; `bytes` of the result are canonical all the same.
 *
 * @throws metadata_rejected, payload_too_large (8 MiB)
 */
export function parseSigned(bytes: Uint8Array, role: RoleName, options: { readonly requireCanonical?: boolean } = {}): SignedMetadata {
    const signed = readSigned(parseJson(bytes), role, "sign")
    if (options.requireCanonical !== false && !signed.bytes.equals(bytes)) reject(role, "the text is not canonical JSON")
    // Canonical JSON has them raw, Go then refuses to write the file.
    if (hasControlCharacters(signed.bytes)) reject(role, "control characters can't be written by Notary")
    return signed
}

export function readSigned(value: Json, role: RoleName, purpose: Purpose): SignedMetadata {
    return new SignedMetadata(purpose, role, readDocument(value, role, purpose), canonicalize(value))
}

const TYPES: ReadonlyMap<string, { readonly type: string; readonly fields: readonly string[] }> = new Map([
    ["root", { type: "Root", fields: ROOT_FIELDS }],
    ["targets", { type: "Targets", fields: TARGETS_FIELDS }],
    ["snapshot", { type: "Snapshot", fields: META_FIELDS }],
    ["timestamp", { type: "Timestamp", fields: META_FIELDS }],
])

function readDocument(value: Json, role: RoleName, purpose: Purpose): MetadataDocument {
    const expected = TYPES.get(isDelegation(role) ? "targets" : role)
    if (expected === undefined) throw new TrustkeyError("internal", "a role without a type")
    const type = toText(toObject(value, role).get("_type") ?? reject(role, "_type is missing"), `${role} _type`)
    if (type !== expected.type) return reject(role, `the type is ${quote(type)} instead of ${expected.type}`)
    const fields = new Fields(value, role, purpose, expected.fields)
    const version = toInteger(fields.get("version"), `${role} version`, 1)
    if (purpose === "sign" && version > MAX_VERSION) reject(role, `the version is beyond ${MAX_VERSION}`)
    const where = `${role} expires`
    const expires = parseExpires(toText(fields.get("expires"), where), purpose === "sign" ? "go-normal" : "any", where)
    switch (expected.type) {
        case "Root":
            return readRoot(fields, version, expires, purpose)
        case "Targets":
            return readTargets(fields, version, expires, role, purpose)
        case "Snapshot":
            return readSnapshot(fields, version, expires, purpose)
        default:
            return readTimestamp(fields, version, expires, purpose)
    }
}
