import { createCipheriv, createDecipheriv, generateKeyPairSync, hkdfSync, type ScryptOptions, scrypt } from "node:crypto"
import type { Stanza } from "age-encryption"
import { TrustkeyError } from "../errors.ts"
import { type AgeIdentity, recipientBytes } from "./age-keys.ts"
import { agree, rawPublic } from "./sealed-secret.ts"
import { Secret } from "./secret.ts"

// https://c2sp.org/age, "The X25519 recipient type" and "The scrypt recipient type", over the runtime's OpenSSL: without a compiler the
// library's scrypt takes a minute.

const X25519 = "X25519"
const SCRYPT = "scrypt"
const X25519_LABEL = "age-encryption.org/v1/X25519"
const SCRYPT_LABEL = "age-encryption.org/v1/scrypt"

const KEY_LENGTH = 32
const FILE_KEY_LENGTH = 16
const TAG_LENGTH = 16
const SALT_LENGTH = 16
const CIPHER = "chacha20-poly1305"

/** 32 and 16 bytes in standard base64 without padding, the only way to write them. */
const SHARE = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/
const SALT = /^[A-Za-z0-9+/]{21}[AQgw]$/
const WORK_FACTOR = /^[1-9][0-9]{0,8}$/

/** As age itself writes: 256 MiB, about a second. */
const WRITTEN_WORK_FACTOR = 18
/** 1 GiB: what a forged file can make us spend. */
const LARGEST_WORK_FACTOR = 20
const BLOCK_SIZE = 8

/** More would make a header that no reader of ours takes. */
const MOST_RECIPIENTS = 64

/** Whom a file is for: holders of X25519 identities, or whoever knows one passphrase. The format has no file for both. */
export type AgeRecipients =
    | { readonly kind: "x25519"; readonly recipients: readonly string[] }
    | { readonly kind: "passphrase"; readonly passphrase: Secret }

/** What a file is to be opened with. */
export type AgeOpener =
    | { readonly kind: "identities"; readonly identities: readonly AgeIdentity[] }
    | { readonly kind: "passphrase"; readonly passphrase: Secret }

export type WrapFileKey = (fileKey: Uint8Array) => Promise<Stanza[]>

/** @throws invalid_request: none, too many, one that is no X25519 recipient or that anybody could open for; an empty passphrase */
export function wrapperFor(to: AgeRecipients): WrapFileKey {
    if (to.kind === "passphrase") {
        if (to.passphrase.length === 0) throw new TrustkeyError("invalid_request", "the passphrase of a backup is empty")
        return async (fileKey) => [await wrapWithPassphrase(to.passphrase, fileKey)]
    }
    if (to.recipients.length === 0 || to.recipients.length > MOST_RECIPIENTS)
        throw new TrustkeyError("invalid_request", `a backup is for 1 to ${MOST_RECIPIENTS} recipients`)
    const publics = to.recipients.map((recipient) => {
        const raw = recipientBytes(recipient)
        if (raw === undefined) throw new TrustkeyError("invalid_request", "a backup is for X25519 recipients of age: age1…")
        return raw
    })
    return async (fileKey) => publics.map((raw) => wrapForRecipient(raw, fileKey))
}

function wrapForRecipient(recipient: Buffer, fileKey: Uint8Array): Stanza {
    const { privateKey } = generateKeyPairSync("x25519")
    const share = rawPublic(privateKey)
    const shared = agree(privateKey, recipient)
    if (shared === undefined) throw new TrustkeyError("internal", "a recipient of low order got past the check")
    using wrapping = x25519WrappingKey(shared, share, recipient)
    return { args: [X25519, base64(share)], body: sealFileKey(wrapping, fileKey) }
}

async function wrapWithPassphrase(passphrase: Secret, fileKey: Uint8Array): Promise<Stanza> {
    using salt = Secret.random(SALT_LENGTH)
    const bytes = salt.reveal((random) => Buffer.from(random))
    using wrapping = await scryptWrappingKey(passphrase, bytes, WRITTEN_WORK_FACTOR)
    return { args: [SCRYPT, base64(bytes), String(WRITTEN_WORK_FACTOR)], body: sealFileKey(wrapping, fileKey) }
}

/**
 * The file key out of a header's stanzas; undefined if none of them is for `opener`. One of a kind we know in a form that it doesn't have
 * is refused, whoever it is for.
 *
 * @throws backup_invalid
 */
export async function unwrapFileKey(opener: AgeOpener, stanzas: readonly Stanza[]): Promise<Secret | undefined> {
    // The passphrase's holder must know that nobody else made the file: "the scrypt stanza must be the only one".
    if (stanzas.length > 1 && stanzas.some(({ args }) => args[0] === SCRYPT))
        throw malformed("it is for a passphrase and for something else")
    for (const stanza of stanzas) {
        const found = opener.kind === "identities" ? unwrapX25519(opener.identities, stanza) : await unwrapScrypt(opener.passphrase, stanza)
        if (found !== undefined) return found
    }
    return undefined
}

/** What would open these, in words; undefined if we know of nothing. */
export function neededFor(stanzas: readonly Stanza[]): AgeOpener["kind"] | undefined {
    if (stanzas.some(({ args }) => args[0] === X25519)) return "identities"
    return stanzas.some(({ args }) => args[0] === SCRYPT) ? "passphrase" : undefined
}

function unwrapX25519(identities: readonly AgeIdentity[], { args, body }: Stanza): Secret | undefined {
    if (args[0] !== X25519) return undefined
    const [, share = ""] = args
    if (args.length !== 2 || !SHARE.test(share) || body.length !== FILE_KEY_LENGTH + TAG_LENGTH) throw malformed("an X25519 stanza")
    const raw = Buffer.from(share, "base64")
    for (const { key } of identities) {
        const shared = agree(key, raw)
        if (shared === undefined) throw malformed("an X25519 stanza with a point of low order")
        using wrapping = x25519WrappingKey(shared, raw, rawPublic(key))
        const fileKey = openFileKey(wrapping, body)
        if (fileKey !== undefined) return fileKey
    }
    return undefined
}

async function unwrapScrypt(passphrase: Secret, { args, body }: Stanza): Promise<Secret | undefined> {
    if (args[0] !== SCRYPT) return undefined
    const [, salt = "", factor = ""] = args
    if (args.length !== 3 || !SALT.test(salt) || !WORK_FACTOR.test(factor) || body.length !== FILE_KEY_LENGTH + TAG_LENGTH)
        throw malformed("a scrypt stanza")
    if (Number(factor) > LARGEST_WORK_FACTOR)
        throw malformed(`a scrypt work factor of ${factor}, where trustkeyd spends ${LARGEST_WORK_FACTOR} at most`)
    using wrapping = await scryptWrappingKey(passphrase, Buffer.from(salt, "base64"), Number(factor))
    return openFileKey(wrapping, body)
}

function malformed(what: string): TrustkeyError {
    return new TrustkeyError("backup_invalid", `the header of the age file is not in order: ${what}`)
}

function x25519WrappingKey(shared: Buffer, share: Buffer, recipient: Buffer): Secret {
    const key = new Secret(Buffer.from(hkdfSync("sha256", shared, Buffer.concat([share, recipient]), X25519_LABEL, KEY_LENGTH)))
    shared.fill(0)
    return key
}

async function scryptWrappingKey(passphrase: Secret, salt: Buffer, workFactor: number): Promise<Secret> {
    const options: ScryptOptions = { N: 2 ** workFactor, r: BLOCK_SIZE, p: 1, maxmem: 2 * 128 * BLOCK_SIZE * 2 ** workFactor }
    const { promise, resolve, reject } = Promise.withResolvers<Secret>()
    // It copies the passphrase before it returns, and clears its copy.
    passphrase.reveal((bytes) =>
        scrypt(bytes, Buffer.concat([Buffer.from(SCRYPT_LABEL), salt]), KEY_LENGTH, options, (error, key) => {
            if (error === null) resolve(new Secret(key))
            else reject(new TrustkeyError("internal", "scrypt could not be computed: is there memory for it?", { cause: error }))
        }),
    )
    return promise
}

function sealFileKey(wrapping: Secret, fileKey: Uint8Array): Uint8Array {
    // The key is used for this alone, hence the nonce of zeros.
    const cipher = wrapping.reveal((key) => createCipheriv(CIPHER, key, Buffer.alloc(12), { authTagLength: TAG_LENGTH }))
    return Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()])
}

function openFileKey(wrapping: Secret, body: Uint8Array): Secret | undefined {
    const decipher = wrapping.reveal((key) => createDecipheriv(CIPHER, key, Buffer.alloc(12), { authTagLength: TAG_LENGTH }))
    decipher.setAuthTag(body.subarray(FILE_KEY_LENGTH))
    const fileKey = decipher.update(body.subarray(0, FILE_KEY_LENGTH))
    try {
        decipher.final()
        return new Secret(fileKey)
    } catch {
        fileKey.fill(0)
        return undefined
    }
}

function base64(bytes: Buffer): string {
    return bytes.toString("base64").replace(/=+$/, "")
}
