import { createPublicKey, type KeyObject } from "node:crypto"
import { TrustkeyError } from "../errors.ts"

/** What we make keys of. */
export const ALGORITHMS = ["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519"] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** `bytes` as TUF has them: DER SubjectPublicKeyInfo; for ed25519 the raw 32 bytes. Never changed once made. */
export type PublicKeyBytes = { readonly keytype: "ecdsa" | "rsa" | "ed25519"; readonly bytes: Uint8Array }

export type Curve = { readonly size: number; readonly order: Buffer; readonly spkiLength: number }

/** By OpenSSL's names. `order` is n of SEC 2; P-521 keys are others' only: we verify with them and make none. */
const CURVES: ReadonlyMap<string, Curve> = new Map([
    ["prime256v1", curve(32, 91, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")],
    ["secp384r1", curve(48, 120, "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973")],
    [
        "secp521r1",
        curve(
            66,
            158,
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
    ],
])

// SEC 1 §2.3.3: what stands before the two halves of a point.
const UNCOMPRESSED = 0x04

const LEAST_MODULUS = 2048
// A longer modulus makes one verification cost a stranger nothing and us seconds.
const LARGEST_MODULUS = 8192
// As Go's crypto/rsa has it: what Notary can't verify with, we don't either.
const LARGEST_EXPONENT = 2n ** 31n - 1n

// RFC 8410 §4: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING (32 bytes) } up to the key itself.
const ED25519_SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex")

// Importing takes as long as verifying one signature. Public keys only, and only what passed the checks.
const MOST_IMPORTED = 1024
const imported = new Map<string, KeyObject>()

function curve(size: number, spkiLength: number, order: string): Curve {
    return { size, spkiLength, order: Buffer.from(order, "hex") }
}

/** @returns undefined for a key that is not on one of the NIST curves we verify with. */
export function curveOf(key: KeyObject): Curve | undefined {
    return CURVES.get(key.asymmetricKeyDetails?.namedCurve ?? "")
}

/**
 * The key, once it is certain to be what it says: a type that matches `keytype`, a curve or modulus we verify with, and
 * the one canonical encoding, since key IDs are hashes of the encoding.
 *
 * @throws key_unfit
 */
export function toKeyObject(key: PublicKeyBytes): KeyObject {
    // By content: bytes can be overwritten, and the same key is parsed again with every request.
    const name = `${key.keytype} ${Buffer.from(key.bytes).toString("base64")}`
    const known = imported.get(name)
    if (known !== undefined) return known
    const object = importKey(key)
    if (imported.size >= MOST_IMPORTED) {
        const oldest = imported.keys().next()
        if (!oldest.done) imported.delete(oldest.value)
    }
    imported.set(name, object)
    return object
}

function importKey(key: PublicKeyBytes): KeyObject {
    const spki = key.keytype === "ed25519" ? ed25519Spki(key.bytes) : Buffer.from(key.bytes)
    const object = importSpki(spki)
    checkFit(key.keytype, object, spki)
    if (!object.export({ type: "spki", format: "der" }).equals(spki)) throw unfit("its encoding is not canonical")
    return object
}

/** @throws key_unfit: a key we verify with perhaps, but not one we make or keep. */
export function algorithmOf(key: PublicKeyBytes): Algorithm {
    return algorithmOfObject(toKeyObject(key))
}

/**
 * Of a public or private key.
 *
 * @throws key_unfit
 */
export function algorithmOfObject(object: KeyObject): Algorithm {
    const details = object.asymmetricKeyDetails
    const name = `${object.asymmetricKeyType}/${details?.namedCurve ?? details?.modulusLength ?? ""}`
    switch (name) {
        case "ec/prime256v1":
            return "p256"
        case "ec/secp384r1":
            return "p384"
        case "rsa/2048":
            return "rsa2048"
        case "rsa/3072":
            return "rsa3072"
        case "rsa/4096":
            return "rsa4096"
        case "ed25519/":
            return "ed25519"
        default:
            throw unfit("use P-256, P-384, RSA of 2048, 3072 or 4096 bits, or Ed25519")
    }
}

/**
 * TUF's form of a public key object.
 *
 * @throws key_unfit
 */
export function publicKeyBytes(object: KeyObject): PublicKeyBytes {
    const spki = object.export({ type: "spki", format: "der" })
    switch (object.asymmetricKeyType) {
        case "ec":
            return { keytype: "ecdsa", bytes: spki }
        case "rsa":
            return { keytype: "rsa", bytes: spki }
        case "ed25519":
            return { keytype: "ed25519", bytes: spki.subarray(ED25519_SPKI_PREFIX.length) }
        default:
            throw unfit(`${object.asymmetricKeyType ?? "this kind of key"} is not used for TUF metadata`)
    }
}

/** DER SubjectPublicKeyInfo, whatever the type. */
export function spkiOf(key: PublicKeyBytes): Buffer {
    return key.keytype === "ed25519" ? ed25519Spki(key.bytes) : Buffer.from(key.bytes)
}

function ed25519Spki(raw: Uint8Array): Buffer {
    if (raw.length !== 32) throw unfit("an Ed25519 key has 32 bytes")
    return Buffer.concat([ED25519_SPKI_PREFIX, raw])
}

function importSpki(spki: Buffer): KeyObject {
    try {
        return createPublicKey({ key: spki, format: "der", type: "spki" })
    } catch (cause) {
        throw unfit("it is not a SubjectPublicKeyInfo", cause)
    }
}

function checkFit(keytype: PublicKeyBytes["keytype"], object: KeyObject, spki: Buffer): void {
    const expected = keytype === "ecdsa" ? "ec" : keytype
    if (object.asymmetricKeyType !== expected) throw unfit(`it is not of type ${keytype}`)
    if (keytype === "ecdsa") {
        const curve = curveOf(object)
        if (curve === undefined) throw unfit("its curve is not one of P-256, P-384, P-521")
        // A compressed point re-encodes as it came, so only the length tells; and a hybrid one (X9.62 §4.3.6) as long as the canonical one.
        if (curve.spkiLength !== spki.length || spki.at(-1 - 2 * curve.size) !== UNCOMPRESSED) throw unfit("its encoding is not canonical")
    }
    if (keytype === "rsa") checkRsa(object)
}

function checkRsa(object: KeyObject): void {
    const { modulusLength = 0, publicExponent = 0n } = object.asymmetricKeyDetails ?? {}
    if (modulusLength < LEAST_MODULUS || modulusLength > LARGEST_MODULUS) {
        throw unfit(`its modulus has ${modulusLength} bits, not ${LEAST_MODULUS} to ${LARGEST_MODULUS}`)
    }
    // With e = 1 the padded message is its own signature.
    if (publicExponent < 3n || publicExponent > LARGEST_EXPONENT || publicExponent % 2n === 0n)
        throw unfit("its public exponent is out of range")
}

function unfit(why: string, cause?: unknown): TrustkeyError {
    return new TrustkeyError("key_unfit", `this public key can't be used: ${why}`, { cause })
}
