import { generateKeyPairSync, type KeyObject } from "node:crypto"
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
