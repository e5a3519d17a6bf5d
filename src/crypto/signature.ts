import { constants, type KeyObject, sign as nodeSign, verify as nodeVerify } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type Algorithm, curveOf, type PublicKeyBytes, toKeyObject } from "./algorithm.ts"
import { encodeDer, sequence, unsignedInteger } from "./der.ts"

/**
 * How a signature is made; the names are Notary's `method`s.
 * ecdsa: SHA-256 on every curve, raw r ‖ s. rsapss: SHA-256, MGF1 with SHA-256, 32 bytes of salt.
 * rsapkcs1v15: SHA-256; we make it in certificates only. eddsa: Ed25519 over the message itself.
 */
export type Scheme = "ecdsa" | "rsapss" | "rsapkcs1v15" | "eddsa"

const PSS_SALT = 32
// X.690: the first byte of a SEQUENCE and of an INTEGER.
const SEQUENCE = 0x30
const INTEGER = 0x02

/** How keys of `algorithm` sign TUF metadata. */
export function tufScheme(algorithm: Algorithm): Scheme {
    switch (algorithm) {
        case "p256":
        case "p384":
            return "ecdsa"
        case "rsa2048":
        case "rsa3072":
        case "rsa4096":
            return "rsapss"
        case "ed25519":
            return "eddsa"
    }
}

/**
 * How keys of `algorithm` sign their own root certificate.
 *
 * @throws key_unfit: Notary knows no Ed25519 certificates
 */
export function certificateScheme(algorithm: Algorithm): Scheme {
    switch (algorithm) {
        case "p256":
        case "p384":
            return "ecdsa"
        case "rsa2048":
        case "rsa3072":
        case "rsa4096":
            return "rsapkcs1v15"
        case "ed25519":
            throw new TrustkeyError("key_unfit", "an Ed25519 key can't be a root key: Notary knows no certificate for it")
    }
}

/** Whether `signature` is good. Never throws: a key or signature we can't make sense of is a bad one. */
export function verify(key: PublicKeyBytes, scheme: Scheme, message: Uint8Array, signature: Uint8Array): boolean {
    try {
        return verifyWith(toKeyObject(key), scheme, message, signature)
    } catch {
        return false
    }
}

function verifyWith(key: KeyObject, scheme: Scheme, message: Uint8Array, signature: Uint8Array): boolean {
    if (!fits(key, scheme)) return false
    switch (scheme) {
        case "ecdsa":
            return inRange(key, signature) && nodeVerify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature)
        case "rsapss":
            return isModulusLong(key, signature) && nodeVerify("sha256", message, pss(key), signature)
        case "rsapkcs1v15":
            return isModulusLong(key, signature) && nodeVerify("sha256", message, pkcs1(key), signature)
        case "eddsa":
            return signature.length === 64 && nodeVerify(null, message, key, signature)
    }
}

/**
 * A signature in TUF's form. Only a signer process has a private `key`; what it signs is an Intent's bytes (TK-SIG-1).
 *
 * @throws key_unfit when key and scheme don't belong together
 */
export function signWith(key: KeyObject, scheme: Scheme, message: Uint8Array): Buffer {
    if (!fits(key, scheme)) throw new TrustkeyError("key_unfit", `this key can't make a signature of kind ${scheme}`)
    switch (scheme) {
        case "ecdsa":
            // Asked for r ‖ s itself, Node exports the key in every call: that takes longer than the signature.
            return derToRaw(nodeSign("sha256", message, key), curveOf(key)?.size ?? 0)
        case "rsapss":
            return nodeSign("sha256", message, pss(key))
        case "rsapkcs1v15":
            return nodeSign("sha256", message, pkcs1(key))
        case "eddsa":
            return nodeSign(null, message, key)
    }
}

/**
 * ECDSA r ‖ s → DER `SEQUENCE { r, s }`, as X.509 has it.
 *
 * @throws bad_signature
 */
export function rawToDer(raw: Uint8Array): Uint8Array {
    if (raw.length === 0 || raw.length % 2 !== 0) throw new TrustkeyError("bad_signature", "a raw ECDSA signature has two equal halves")
    const half = raw.length / 2
    return encodeDer(sequence(unsignedInteger(raw.subarray(0, half)), unsignedInteger(raw.subarray(half))))
}

/**
 * DER `SEQUENCE { r, s }` → r ‖ s, each `size` bytes; for curves up to 384 bits, whose sequences have a length of one byte.
 *
 * @throws bad_signature
 */
export function derToRaw(der: Uint8Array, size: number): Buffer {
    const raw = Buffer.alloc(2 * size)
    const ofR = der[3] ?? 0
    const ofS = der[5 + ofR] ?? 0
    const isSequence = der[0] === SEQUENCE && der[1] === der.length - 2 && der.length < 0x82 && der.length === 6 + ofR + ofS
    if (!isSequence || !placeInteger(der.subarray(2, 4 + ofR), raw, size) || !placeInteger(der.subarray(4 + ofR), raw, 2 * size))
        throw new TrustkeyError("bad_signature", "not a DER-encoded ECDSA signature")
    return raw
}

/** The unsigned integer `der` holds, its last byte before `end`. False: it is none, not the shortest form of one, or too long. */
function placeInteger(der: Uint8Array, raw: Buffer, end: number): boolean {
    const [first = 0x80, second = 0x80] = der.subarray(2)
    if (der[0] !== INTEGER || first >= 0x80 || (first === 0 && der.length > 3 && second < 0x80)) return false
    const digits = der.subarray(first === 0 ? 3 : 2)
    if (digits.length > raw.length / 2) return false
    raw.set(digits, end - digits.length)
    return true
}

function fits(key: KeyObject, scheme: Scheme): boolean {
    switch (scheme) {
        case "ecdsa":
            return key.asymmetricKeyType === "ec"
        case "rsapss":
        case "rsapkcs1v15":
            return key.asymmetricKeyType === "rsa"
        case "eddsa":
            return key.asymmetricKeyType === "ed25519"
    }
}

/** FIPS 186-5 §6.4.2: 0 < r < n and 0 < s < n, each exactly as long as the curve. */
function inRange(key: KeyObject, signature: Uint8Array): boolean {
    const curve = curveOf(key)
    if (curve === undefined || signature.length !== 2 * curve.size) return false
    return [signature.subarray(0, curve.size), signature.subarray(curve.size)].every(
        (half) => half.some((byte) => byte !== 0) && Buffer.compare(half, curve.order) < 0,
    )
}

/** RFC 8017 §8.1.2, §8.2.2: exactly as long as the modulus. */
function isModulusLong(key: KeyObject, signature: Uint8Array): boolean {
    return signature.length === Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8)
}

function pss(key: KeyObject): { key: KeyObject; padding: number; saltLength: number } {
    // MGF1 takes the message's hash when no other is named.
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: PSS_SALT }
}

function pkcs1(key: KeyObject): { key: KeyObject; padding: number } {
    return { key, padding: constants.RSA_PKCS1_PADDING }
}
