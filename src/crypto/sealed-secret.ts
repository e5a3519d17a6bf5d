import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { openBox, sealBox, TAG_LENGTH } from "./box.ts"
import { sha256 } from "./digest.ts"
import { Secret } from "./secret.ts"
import { transcript, utf8 } from "./transcript.ts"

/** docs/formats/sealed-secret.md. A public key of 32 bytes, a nonce of 16, then as many bytes as the secret has and 16 more. */
export type SealedSecret = { readonly ephemeralPublic: Uint8Array; readonly nonce: Uint8Array; readonly ciphertext: Uint8Array }

/** What a secret is good for; it opens for nothing else. */
export type SecretContext = { readonly purpose: string; readonly subject: string }

export const NONCE_LENGTH = 16
const LARGEST_SECRET = 64 * 1024

const LABEL = "trustkeyd sealed secret 1"
const X25519_LENGTH = 32

// RFC 8410 §4 and §7: the DER around the 32 bytes of an X25519 public or private key.
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex")
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex")

/**
 * TK-SEC-2: hand `secret` to the holder of `signerPublic` past everybody who carries it.
 *
 * @throws invalid_request: an empty or overlong secret, or a challenge that can't be one
 */
export function sealSecret(signerPublic: Uint8Array, nonce: Uint8Array, context: SecretContext, secret: Secret): SealedSecret {
    return sealFrom(generateKeyPairSync("x25519").privateKey, signerPublic, nonce, context, secret)
}

/** `sealSecret` with the ephemeral key given: for test vectors only, it must never be used twice. */
export function sealFrom(
    ephemeral: KeyObject,
    signerPublic: Uint8Array,
    nonce: Uint8Array,
    context: SecretContext,
    secret: Secret,
): SealedSecret {
    if (secret.length === 0 || secret.length > LARGEST_SECRET) {
        throw new TrustkeyError("invalid_request", `a secret has 1 to ${LARGEST_SECRET} bytes`)
    }
    if (nonce.length !== NONCE_LENGTH) throw new TrustkeyError("invalid_request", "a challenge's nonce has 16 bytes")
    const ephemeralPublic = rawPublic(ephemeral)
    const shared = agree(ephemeral, signerPublic)
    if (shared === undefined) throw new TrustkeyError("invalid_request", "a challenge's public key is not one of X25519")
    try {
        const bound = bind(context, nonce, ephemeralPublic, signerPublic)
        return { ephemeralPublic, nonce: Buffer.from(nonce), ciphertext: secret.reveal((bytes) => sealBox(shared, nonce, bound, bytes)) }
    } finally {
        shared.fill(0)
    }
}

/** @returns undefined for whatever was not sealed for this key, nonce and context */
export function openWith(signer: KeyObject, context: SecretContext, sealed: SealedSecret): Secret | undefined {
    const { ephemeralPublic, nonce, ciphertext } = sealed
    if (nonce.length !== NONCE_LENGTH || ciphertext.length <= TAG_LENGTH || ciphertext.length > LARGEST_SECRET + TAG_LENGTH)
        return undefined
    const shared = agree(signer, ephemeralPublic)
    if (shared === undefined) return undefined
    try {
        const plain = openBox(shared, nonce, bind(context, nonce, ephemeralPublic, rawPublic(signer)), ciphertext)
        return plain === undefined ? undefined : new Secret(plain)
    } finally {
        shared.fill(0)
    }
}

/** The 32 bytes of an X25519 key, public half. */
export function rawPublic(key: KeyObject): Buffer {
    const object = key.type === "private" ? createPublicKey(key) : key
    return object.export({ type: "spki", format: "der" }).subarray(PUBLIC_PREFIX.length)
}

/** One sealed secret as another is bound to it: SHA-256 of its three parts, in hex. */
export function sealedSecretHash({ ephemeralPublic, nonce, ciphertext }: SealedSecret): string {
    return sha256(Buffer.concat([ephemeralPublic, nonce, ciphertext])).toString("hex")
}

/** From the 32 bytes of RFC 7748. */
export function x25519Private(raw: Uint8Array): KeyObject {
    return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, raw]), format: "der", type: "pkcs8" })
}

/** RFC 7748 §6.1. undefined for a point of low order: the result would be all zeros, known to everybody. */
export function agree(privateKey: KeyObject, rawPeer: Uint8Array): Buffer | undefined {
    if (rawPeer.length !== X25519_LENGTH) return undefined
    const spki = Buffer.concat([PUBLIC_PREFIX, rawPeer])
    try {
        const shared = diffieHellman({ privateKey, publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }) })
        return shared.some((byte) => byte !== 0) ? shared : undefined
    } catch {
        // OpenSSL refuses low order by itself; the line above doesn't rely on it.
        return undefined
    }
}

function bind(context: SecretContext, nonce: Uint8Array, ephemeralPublic: Uint8Array, signerPublic: Uint8Array): Buffer {
    return transcript(LABEL, utf8(context.purpose), utf8(context.subject), nonce, ephemeralPublic, signerPublic)
}
