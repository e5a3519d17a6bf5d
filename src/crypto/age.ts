import { createDecipheriv, generateKeyPairSync, hkdfSync, type KeyObject } from "node:crypto"
import type { Stanza } from "age-encryption"
import { TrustkeyError } from "../errors.ts"
import { decodeBech32, encodeBech32 } from "./bech32.ts"
import { agree, rawPublic, x25519Private } from "./sealed-secret.ts"
import { Secret } from "./secret.ts"

// https://c2sp.org/age, with X25519 recipients and no others. The library writes files and reads header and payload; recipients and identities
// are ours, so that an identity stays bytes.

const RECIPIENT = "age"
const IDENTITY = "AGE-SECRET-KEY-"
const RAW_LENGTH = 32
const TAG_LENGTH = 16
const LABEL = "age-encryption.org/v1/X25519"

/** 32 bytes in standard base64 without padding, the only way to write them. */
const BASE64_OF_32 = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]"
const HEADER = new RegExp(`^age-encryption\\.org/v1\\n((?:-> X25519 ${BASE64_OF_32}\\n${BASE64_OF_32}\\n)+)--- ${BASE64_OF_32}\\n`)
const STANZA_LINES = 2
/** Nonce, one byte, tag: an age file of nothing is no backup. */
const LEAST_PAYLOAD = 16 + 1 + 16

const MOST_IDENTITIES = 32
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const COMMENT = 0x23

/** Whether `text` names an X25519 recipient: `age1…`, lower-case, and no point of low order, for which nobody encrypts. */
export function isAgeRecipient(text: string): boolean {
    const raw = decodeBech32(RECIPIENT, Buffer.from(text, "utf8"))
    return raw?.length === RAW_LENGTH && agree(ANY_KEY, raw) !== undefined
}

/** With whichever key: a point of low order gives zeros. */
const ANY_KEY = x25519Private(Buffer.alloc(RAW_LENGTH, 7))

/** How many X25519 recipients an age file says it has; undefined unless it is one, binary, with these alone. */
export function ageRecipients(file: Uint8Array): number | undefined {
    const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
    const [header = "", stanzas = ""] = HEADER.exec(bytes.toString("latin1")) ?? []
    if (header === "" || bytes.length - header.length < LEAST_PAYLOAD) return undefined
    return (stanzas.split("\n").length - 1) / STANZA_LINES
}

/** A fresh pair, both halves as age-keygen writes them. */
export function makeAgeIdentity(): { readonly identity: Secret; readonly recipient: string } {
    const { privateKey } = generateKeyPairSync("x25519")
    // RFC 8410 §7: the private number stands at the end.
    using raw = new Secret(Buffer.from(privateKey.export({ type: "pkcs8", format: "der" }).subarray(-RAW_LENGTH)))
    return { identity: new Secret(raw.reveal((bytes) => encodeBech32(IDENTITY, bytes))), recipient: recipientOf(privateKey) }
}

/** Whoever holds this can open what is sealed for `recipient`. */
export type AgeIdentity = { readonly recipient: string; readonly key: KeyObject }

/**
 * Those of an identity file: one a line, between comments and empty lines, as age-keygen writes it. The runtime keeps its own copy of each.
 *
 * @throws invalid_request: there is none, or something else
 */
export function identitiesIn(file: Secret): readonly AgeIdentity[] {
    return file.reveal((bytes) => {
        const identities: AgeIdentity[] = []
        for (let start = 0; start < bytes.length; ) {
            const feed = bytes.indexOf(LINE_FEED, start)
            const next = feed === -1 ? bytes.length : feed + 1
            let end = feed === -1 ? bytes.length : feed
            if (end > start && bytes[end - 1] === CARRIAGE_RETURN) end -= 1
            if (end > start && bytes[start] !== COMMENT) identities.push(parseIdentity(bytes.subarray(start, end)))
            if (identities.length > MOST_IDENTITIES)
                throw new TrustkeyError("invalid_request", `an identity file has more than ${MOST_IDENTITIES} identities`)
            start = next
        }
        if (identities.length === 0) throw notIdentity()
        return identities
    })
}

function parseIdentity(text: Buffer): AgeIdentity {
    const raw = decodeBech32(IDENTITY, text)
    try {
        if (raw?.length !== RAW_LENGTH) throw notIdentity()
        const key = x25519Private(raw)
        return { recipient: recipientOf(key), key }
    } finally {
        raw?.fill(0)
    }
}

function notIdentity(): TrustkeyError {
    return new TrustkeyError("invalid_request", "this is no age identity: it has to be AGE-SECRET-KEY-1… in clear, as age-keygen writes it")
}

function recipientOf(key: KeyObject): string {
    return encodeBech32(RECIPIENT, rawPublic(key)).toString("latin1")
}

/**
 * `content` for whoever holds the identity of any of `recipients`. The library's copies of it go with the process.
 *
 * @throws invalid_request: one of them is no X25519 recipient, or one that anybody could open for
 */
export async function encryptBackup(content: Secret, recipients: readonly string[]): Promise<Buffer> {
    const bad = recipients.find((recipient) => !isAgeRecipient(recipient))
    if (bad !== undefined || recipients.length === 0)
        throw new TrustkeyError("invalid_request", "a backup is for X25519 recipients of age: age1…")
    // 127 ms without a compiler, and most processes never need it.
    const { Encrypter } = await import("age-encryption")
    const encrypter = new Encrypter()
    for (const recipient of recipients) encrypter.addRecipient(recipient)
    const clear = content.reveal((bytes) => Uint8Array.from(bytes))
    try {
        return Buffer.from(await encrypter.encrypt(clear))
    } catch (cause) {
        throw new TrustkeyError("invalid_request", "a backup can't be encrypted to one of its recipients", { cause })
    } finally {
        clear.fill(0)
    }
}

/** @throws open_failed: it is for none of these, or damaged */
export async function decryptBackup(file: Uint8Array, identities: readonly AgeIdentity[]): Promise<Secret> {
    const { Decrypter } = await import("age-encryption")
    const decrypter = new Decrypter()
    for (const identity of identities) decrypter.addIdentity({ unwrapFileKey: (stanzas: Stanza[]) => unwrap(identity, stanzas) })
    try {
        const { buffer, byteOffset, byteLength } = await decrypter.decrypt(file)
        return new Secret(Buffer.from(buffer, byteOffset, byteLength))
    } catch (cause) {
        throw new TrustkeyError("open_failed", "the backup does not open: it is damaged, or for others", { cause })
    }
}

function unwrap({ key }: AgeIdentity, stanzas: readonly Stanza[]): Uint8Array | null {
    for (const { args, body } of stanzas) {
        const share = Buffer.from(args[1] ?? "", "base64")
        if (args[0] !== "X25519" || args.length !== 2 || body.length !== TAG_LENGTH + TAG_LENGTH) continue
        const shared = agree(key, share)
        if (shared === undefined) continue
        const wrapping = Buffer.from(hkdfSync("sha256", shared, Buffer.concat([share, rawPublic(key)]), LABEL, RAW_LENGTH))
        shared.fill(0)
        const fileKey = openFileKey(wrapping, body)
        wrapping.fill(0)
        if (fileKey !== undefined) return fileKey
    }
    return null
}

function openFileKey(wrapping: Buffer, body: Uint8Array): Uint8Array | undefined {
    // The key is used for this alone, hence the nonce of zeros.
    const decipher = createDecipheriv("chacha20-poly1305", wrapping, Buffer.alloc(12), { authTagLength: TAG_LENGTH })
    decipher.setAuthTag(body.subarray(TAG_LENGTH))
    const fileKey = decipher.update(body.subarray(0, TAG_LENGTH))
    try {
        decipher.final()
        return fileKey
    } catch {
        return undefined
    }
}
