import { algorithmOf, type PublicKeyBytes, parseCertificateChain, sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { canonicalize } from "./canonical.ts"
import { Fields, type Purpose, quote, reject, toArray, toBytes, toObject, toText } from "./fields.ts"
import { type Json, parseJson } from "./json.ts"

declare const keyId: unique symbol
/** 64 lower-case hexadecimal digits. */
export type KeyId = string & { readonly [keyId]: true }

const KEY_TYPES = ["ecdsa", "rsa", "ed25519", "ecdsa-x509", "rsa-x509"] as const
export type KeyType = (typeof KEY_TYPES)[number]

/** A key as metadata holds it. `public`: SPKI DER; 32 raw bytes for ed25519; for `*-x509` the PEM text of the certificate, or of leaf and intermediates. */
export type TufKey = { readonly keytype: KeyType; readonly public: Uint8Array }

/** @throws invalid_request */
export function parseKeyId(text: string): KeyId {
    if (!/^[0-9a-f]{64}$/.test(text)) throw new TrustkeyError("invalid_request", "not a key ID: 64 lower-case hexadecimal digits")
    return text as KeyId
}

/** The ID metadata uses. A certificate has its own: other than the ID of the key in it, and another for each GUN. */
export function keyIdOf(key: TufKey): KeyId {
    return parseKeyId(sha256(canonicalize(keyJson(key))).toString("hex"))
}

/** The ID of the bare public key: Notary's file names, docker's signer IDs; the same in all repositories. @throws as bareKey */
export function canonicalKeyIdOf(key: TufKey): KeyId {
    return keyIdOf(tufKey(bareKey(key)))
}

/**
 * The public key itself; for certificates, the one in the first.
 *
 * @throws metadata_rejected when the certificate can't be read or has a key of another type than `keytype` says.
 */
export function bareKey(key: TufKey): PublicKeyBytes {
    switch (key.keytype) {
        case "ecdsa":
        case "rsa":
        case "ed25519":
            return { keytype: key.keytype, bytes: key.public }
        case "ecdsa-x509":
        case "rsa-x509": {
            const [leaf] = parseCertificateChain(Buffer.from(key.public).toString("latin1"))
            if (leaf === undefined || `${leaf.publicKey.keytype}-x509` !== key.keytype) {
                return reject(`key ${keyIdOf(key)}`, `the certificate does not hold an ${key.keytype.replace("-x509", "")} key`)
            }
            return leaf.publicKey
        }
    }
}

/** Whether signatures by this key can be verified at all (a curve and a size we know). */
export function isUsableKey(key: TufKey): boolean {
    try {
        algorithmOf(bareKey(key))
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

export function tufKey(key: PublicKeyBytes): TufKey {
    return { keytype: key.keytype, public: key.bytes }
}

/**
 * The key of a certificate, or of a bundle with the leaf first, written as Notary would: certificates only, 64 columns, ending in a newline.
 *
 * @throws metadata_rejected, key_unfit for an Ed25519 certificate, which Notary has no key type for.
 */
export function certificateKey(pem: string): TufKey {
    const text = normalPem(pem)
    const [leaf] = parseCertificateChain(text)
    const keytype = leaf?.publicKey.keytype
    if (keytype !== "ecdsa" && keytype !== "rsa") throw new TrustkeyError("key_unfit", "a certificate must hold an ECDSA or RSA key")
    return { keytype: `${keytype}-x509`, public: Buffer.from(text, "latin1") }
}

// The text is what the ID is a hash of, so the same certificate must always be the same text.
function normalPem(pem: string): string {
    return Array.from(pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g), ([, body = ""]) => {
        const lines =
            Buffer.from(body, "base64")
                .toString("base64")
                .match(/.{1,64}/g) ?? []
        return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`
    }).join("")
}

/**
 * A key as a server hands it out, e.g. `GET …/tuf/snapshot.key`.
 *
 * @throws metadata_rejected
 */
export function parseTufKey(bytes: Uint8Array): TufKey {
    return readKey(parseJson(bytes), "key", "served")
}

export function readKeys(value: Json, where: string, purpose: Purpose): ReadonlyMap<KeyId, TufKey> {
    const keys = new Map<KeyId, TufKey>()
    for (const [id, json] of toObject(value, where)) {
        const key = readKey(json, `${where} ${quote(id)}`, purpose)
        const keyId = keyIdOf(key)
        // Everything else names keys by ID: one that is not the key's own would lend its trust to another key.
        if (keyId !== id) reject(`${where} ${quote(id)}`, `is the ID of another key, this one's is ${keyId}`)
        keys.set(keyId, key)
    }
    return keys
}

function readKey(value: Json, where: string, purpose: Purpose): TufKey {
    const fields = new Fields(value, where, purpose, ["keytype", "keyval"])
    const keytype = toText(fields.get("keytype"), `${where} keytype`)
    const keyval = toObject(fields.get("keyval"), `${where} keyval`)
    const publicBytes = toBytes(new Fields(keyval, where, purpose, ["private", "public"]).get("public"), `${where} public`)
    const known = KEY_TYPES.find((type) => type === keytype)
    if (known === undefined) return reject(where, `the key type ${quote(keytype)} is unknown`)
    const privatePart = keyval.get("private")
    if (privatePart !== null && (privatePart !== undefined || purpose === "sign")) reject(where, "private must be null")
    return { keytype: known, public: publicBytes }
}

export function readKeyIds(value: Json | undefined, where: string): readonly KeyId[] {
    if (value === undefined) return []
    return toArray(value, where).map((id) => {
        const text = toText(id, where)
        return /^[0-9a-f]{64}$/.test(text) ? parseKeyId(text) : reject(where, `${quote(text)} is no key ID`)
    })
}

/** Canonical form has the members in order; this is the value, `private` literally null. */
export function keyJson(key: TufKey): Json {
    return new Map<string, Json>([
        ["keytype", key.keytype],
        [
            "keyval",
            new Map<string, Json>([
                ["private", null],
                ["public", Buffer.from(key.public).toString("base64")],
            ]),
        ],
    ])
}

export function keysJson(keys: ReadonlyMap<KeyId, TufKey>): Json {
    return new Map<string, Json>(Array.from(keys, ([id, key]) => [id, keyJson(key)]))
}
