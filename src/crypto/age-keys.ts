import type { KeyObject } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { decodeBech32, encodeBech32 } from "./bech32.ts"
import { agree, rawPublic, x25519Private } from "./sealed-secret.ts"
import { Secret } from "./secret.ts"

// https://c2sp.org/age, "The X25519 recipient type". Ours instead of the library's, so that an identity stays bytes.

const RECIPIENT = "age"
const IDENTITY = "AGE-SECRET-KEY-"
const RAW_LENGTH = 32

const MOST_IDENTITIES = 32
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const COMMENT = 0x23

/** Whether `text` names an X25519 recipient: `age1…`, lower-case, and no point of low order, for which nobody encrypts. */
export function isAgeRecipient(text: string): boolean {
    return recipientBytes(text) !== undefined
}

/** The 32 bytes of the public key; undefined as `isAgeRecipient` says. */
export function recipientBytes(text: string): Buffer | undefined {
    const raw = decodeBech32(RECIPIENT, Buffer.from(text, "utf8"))
    return raw?.length === RAW_LENGTH && agree(ANY_KEY, raw) !== undefined ? raw : undefined
}

/** With whichever key: a point of low order gives zeros. */
const ANY_KEY = x25519Private(Buffer.alloc(RAW_LENGTH, 7))

/** A fresh pair, both halves as age-keygen writes them. */
export function makeAgeIdentity(): { readonly identity: Secret; readonly recipient: string } {
    // RFC 7748 §5: any 32 bytes are a private key.
    using raw = Secret.random(RAW_LENGTH)
    return identityFromBytes(raw)
}

/**
 * The 32 bytes of the one identity in an identity file.
 *
 * @throws invalid_request: there is none, more than one, or something else
 */
export function identityToBytes(file: Secret): Secret {
    return file.reveal((bytes) => {
        const [line, ...others] = identityLines(bytes)
        if (line === undefined || others.length > 0)
            throw new TrustkeyError("invalid_request", "here one age identity is needed, and no more")
        return new Secret(decodeIdentity(line))
    })
}

/** The identity of these 32 bytes, both halves as age-keygen writes them. @throws internal for another number of bytes */
export function identityFromBytes(raw: Secret): { readonly identity: Secret; readonly recipient: string } {
    return raw.reveal((bytes) => {
        if (bytes.length !== RAW_LENGTH) throw new TrustkeyError("internal", "an identity of age has 32 bytes")
        return { identity: new Secret(encodeBech32(IDENTITY, bytes)), recipient: recipientOf(x25519Private(bytes)) }
    })
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
        const lines = identityLines(bytes)
        if (lines.length > MOST_IDENTITIES)
            throw new TrustkeyError("invalid_request", `an identity file has more than ${MOST_IDENTITIES} identities`)
        if (lines.length === 0) throw notIdentity()
        return lines.map(parseIdentity)
    })
}

/** What stands between comments and empty lines. */
function identityLines(bytes: Buffer): readonly Buffer[] {
    const lines: Buffer[] = []
    for (let start = 0; start < bytes.length; ) {
        const feed = bytes.indexOf(LINE_FEED, start)
        const next = feed === -1 ? bytes.length : feed + 1
        let end = feed === -1 ? bytes.length : feed
        if (end > start && bytes[end - 1] === CARRIAGE_RETURN) end -= 1
        if (end > start && bytes[start] !== COMMENT) lines.push(bytes.subarray(start, end))
        start = next
    }
    return lines
}

function parseIdentity(text: Buffer): AgeIdentity {
    const raw = decodeIdentity(text)
    const key = x25519Private(raw)
    raw.fill(0)
    return { recipient: recipientOf(key), key }
}

function decodeIdentity(text: Buffer): Buffer {
    const raw = decodeBech32(IDENTITY, text)
    if (raw?.length === RAW_LENGTH) return raw
    raw?.fill(0)
    throw notIdentity()
}

function notIdentity(): TrustkeyError {
    return new TrustkeyError("invalid_request", "this is no age identity: it has to be AGE-SECRET-KEY-1… in clear, as age-keygen writes it")
}

function recipientOf(key: KeyObject): string {
    return encodeBech32(RECIPIENT, rawPublic(key)).toString("latin1")
}
