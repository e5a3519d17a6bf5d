import { createECDH, createPrivateKey, createPublicKey, ECDH, type KeyObject, randomBytes, sign, verify } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type Algorithm, algorithmOf, type PublicKeyBytes, publicKeyBytes } from "./algorithm.ts"
import { dottedOid } from "./der.ts"
import { DerReader, TAG } from "./private-der.ts"
import { Secret, secretBytes } from "./secret.ts"

/** A private key that was read, and whose two halves are known to fit together. */
export type OpenedKey = {
    /** DER, as openPrivateKey takes it: for EC with the public key, for Ed25519 as in RFC 8410. */
    readonly pkcs8: Secret
    readonly publicKey: PublicKeyBytes
    readonly algorithm: Algorithm
}

/** PKCS#8 (RFC 5958), SEC1 (RFC 5915), PKCS#1 (RFC 8017), and Notary's own 96 bytes for Ed25519. */
export type PrivateKeyForm = "pkcs8" | "sec1" | "pkcs1" | "ed25519"

type EcForm = { readonly curve: string; readonly size: number; readonly before: Buffer; readonly between: Buffer }

const OID_RSA = "1.2.840.113549.1.1.1"
const OID_EC = "1.2.840.10045.2.1"
const OID_ED25519 = "1.3.101.112"
// GNU's, which Notary took for its own form.
const OID_NOTARY_ED25519 = "1.3.6.1.4.1.11591.15.1"

/** The PKCS#8 that OpenSSL writes: what stands before the private number, and between it and the public point. */
const EC_FORMS: ReadonlyMap<string, EcForm> = new Map([
    [
        "1.2.840.10045.3.1.7",
        {
            curve: "prime256v1",
            size: 32,
            before: Buffer.from("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420", "hex"),
            between: Buffer.from("a144034200", "hex"),
        },
    ],
    [
        "1.3.132.0.34",
        {
            curve: "secp384r1",
            size: 48,
            before: Buffer.from("3081b6020100301006072a8648ce3d020106052b8104002204819e30819b0201010430", "hex"),
            between: Buffer.from("a164036200", "hex"),
        },
    ],
])

/** Keys people have, and which are none of ours. */
const OTHER_KEYS: ReadonlyMap<string, string> = new Map([
    ["1.2.840.10045.3.1.1", "a P-192 key"],
    ["1.3.132.0.33", "a P-224 key"],
    ["1.3.132.0.35", "a P-521 key"],
    ["1.3.132.0.10", "a secp256k1 key"],
    ["1.2.840.113549.1.1.10", "an RSA-PSS key"],
    ["1.2.840.113549.1.1.7", "an RSA-OAEP key"],
    ["1.2.840.10040.4.1", "a DSA key"],
    ["1.2.840.113549.1.3.1", "a Diffie-Hellman key"],
    ["1.3.101.110", "an X25519 key"],
    ["1.3.101.111", "an X448 key"],
    ["1.3.101.113", "an Ed448 key"],
])

const ED25519_LENGTH = 32
/** 4096 bits, and the zero before a number whose first bit is set. */
const LONGEST_RSA_NUMBER = 513
const ED25519_PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex")

const PKCS8_DER = { type: "pkcs8", format: "der" } as const

/**
 * Whether `bytes` begin and end as this form does. What a wrong passphrase makes of a file does not, but for one case in far
 * more than anybody tries.
 */
export function hasFrame(form: PrivateKeyForm, bytes: Buffer): boolean {
    if (form === "ed25519") return bytes.length === 3 * ED25519_LENGTH && publicTwice(bytes)
    try {
        return DerReader.structure(bytes).number() <= 1
    } catch {
        return false
    }
}

/**
 * @throws key_file_invalid: it is malformed, or its public half is another key's
 * @throws key_unfit: not one of our algorithms
 */
export function openForm(form: PrivateKeyForm, bytes: Buffer): OpenedKey {
    try {
        return FORMS[form](bytes)
    } catch (error) {
        if (error instanceof TrustkeyError) throw error
        // Without its cause, and in no words of OpenSSL's: they are about the inside of a private key.
        throw new TrustkeyError("key_file_invalid", "the private key is damaged")
    }
}

/**
 * That OpenSSL may be given this PKCS#8: it is of a kind of ours, on a named curve, and its numbers are no longer than ours. Of other kinds
 * OpenSSL would compute the public half while it reads, and 4 kB of DSA keep it busy for five seconds. The rest it judges itself.
 *
 * @throws key_unfit
 */
export function checkPkcs8(bytes: Buffer): void {
    try {
        const info = new DerReader(new DerReader(bytes).next(TAG.sequence))
        if (info.number() > 1) throw new Error("another version")
        const identifier = new DerReader(info.next(TAG.sequence))
        const oid = dottedOid(identifier.next(TAG.oid))
        const key = info.next(TAG.octetString)
        if (oid === OID_ED25519) return
        if (oid === OID_RSA) checkRsaNumbers(key)
        else if (oid === OID_EC) readEc(key, curveOf(identifier))
        else throw unfit(kindOf(oid))
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "key_unfit") throw error
        throw new TrustkeyError("key_unfit", "this is not a private key in PKCS#8 form")
    }
}

/** RFC 8017 §A.1.2: n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p. A signature takes as long as the longest of them makes it. */
function checkRsaNumbers(bytes: Buffer): void {
    const structure = DerReader.structure(bytes)
    // Version 1 has more than two primes.
    if (structure.number() !== 0) throw unfit("an RSA key of more than two primes")
    for (let index = 0; index < 8; index += 1) {
        if (structure.next(TAG.integer).length > LONGEST_RSA_NUMBER) throw unfit("an RSA key of more than 4096 bits")
    }
    structure.end()
}

const FORMS = {
    pkcs8: openPkcs8,
    sec1: (bytes: Buffer) => openEc(bytes, undefined, undefined),
    pkcs1: (bytes: Buffer) => openRsa(bytes, undefined),
    ed25519: openNotaryEd25519,
} satisfies Record<PrivateKeyForm, (bytes: Buffer) => OpenedKey>

function openPkcs8(bytes: Buffer): OpenedKey {
    const info = DerReader.structure(bytes)
    // Notary writes 1 for EC, which RFC 5958 keeps for keys with a public half beside them.
    if (info.number() > 1) throw new Error("another version")
    const identifier = new DerReader(info.next(TAG.sequence))
    const oid = dottedOid(identifier.next(TAG.oid))
    const key = info.next(TAG.octetString)
    info.optional(TAG.context0)
    const stated = bitsOf(info.optional(TAG.implicit1))
    info.end()
    switch (oid) {
        case OID_EC:
            return openEc(key, curveOf(identifier), stated)
        case OID_RSA:
            return openRsa(key, stated)
        case OID_ED25519:
            return openRfc8410(key, stated)
        case OID_NOTARY_ED25519:
            return openNotaryEd25519(key)
        default:
            throw unfit(kindOf(oid))
    }
}

function openEc(bytes: Buffer, curve: string | undefined, stated: Buffer | undefined): OpenedKey {
    const { form, number, point } = readEc(bytes, curve)
    return assembleEc(
        form,
        number,
        [stated, point].filter((given) => given !== undefined),
    )
}

/** RFC 5915 §3. `curve`: what PKCS#8 says around it. */
function readEc(
    bytes: Buffer,
    curve: string | undefined,
): { readonly form: EcForm; readonly number: Buffer; readonly point: Buffer | undefined } {
    const structure = DerReader.structure(bytes)
    if (structure.number() !== 1) throw new Error("another version")
    const number = structure.next(TAG.octetString)
    const parameters = structure.optional(TAG.context0)
    const inner = parameters === undefined ? undefined : curveOf(new DerReader(parameters))
    const point = structure.optional(TAG.context1)
    structure.end()
    if (curve !== undefined && inner !== undefined && curve !== inner) throw new Error("two curves")
    const oid = curve ?? inner
    if (oid === undefined) throw new TrustkeyError("key_file_invalid", "the private key does not say on which curve it is")
    const form = EC_FORMS.get(oid)
    if (form === undefined) throw unfit(OTHER_KEYS.get(oid) ?? `a key on the curve ${oid}`)
    return { form, number, point: point === undefined ? undefined : bitsOf(new DerReader(point).next(TAG.bitString)) }
}

function assembleEc({ curve, size, before, between }: EcForm, number: Buffer, stated: readonly Buffer[]): OpenedKey {
    const surplus = number.length - size
    // Its length is the curve's; some old programs left zeros away, or wrote one too many.
    if (surplus > 0 && number.subarray(0, surplus).some((byte) => byte !== 0)) throw new Error("the number is too long")
    const point = createPublicPoint(curve, number)
    for (const other of stated) {
        if (!uncompressed(curve, other)?.equals(point)) throw mismatch()
    }
    const der = secretBytes(before.length + size + between.length + point.length)
    before.copy(der)
    number.copy(der, before.length + Math.max(0, -surplus), Math.max(0, surplus))
    between.copy(der, before.length + size)
    point.copy(der, before.length + size + between.length)
    return finish(der)
}

/** @throws Error unless `number` is one of 1 to the curve's order less 1 */
function createPublicPoint(curve: string, number: Buffer): Buffer {
    const half = createECDH(curve)
    half.setPrivateKey(number)
    return half.getPublicKey()
}

function uncompressed(curve: string, point: Buffer): Buffer | undefined {
    try {
        const converted = ECDH.convertKey(point, curve, undefined, undefined, "uncompressed")
        return Buffer.isBuffer(converted) ? converted : undefined
    } catch {
        return undefined
    }
}

function openRsa(bytes: Buffer, stated: Buffer | undefined): OpenedKey {
    checkRsaNumbers(bytes)
    const key = createPrivateKey({ key: bytes, type: "pkcs1", format: "der" })
    if (stated !== undefined && !createPublicKey(key).export({ type: "pkcs1", format: "der" }).equals(stated)) throw mismatch()
    return finish(key.export(PKCS8_DER))
}

/** RFC 8410 §7: an OCTET STRING in the OCTET STRING. */
function openRfc8410(bytes: Buffer, stated: Buffer | undefined): OpenedKey {
    const outer = new DerReader(bytes)
    const seed = outer.next(TAG.octetString)
    outer.end()
    if (seed.length !== ED25519_LENGTH) throw new Error("another length")
    return assembleEd25519(seed, stated)
}

/** public(32) ‖ seed(32) ‖ public(32) */
function openNotaryEd25519(bytes: Buffer): OpenedKey {
    if (bytes.length !== 3 * ED25519_LENGTH) throw new Error("another length")
    if (!publicTwice(bytes)) throw mismatch()
    return assembleEd25519(bytes.subarray(ED25519_LENGTH, 2 * ED25519_LENGTH), bytes.subarray(0, ED25519_LENGTH))
}

function publicTwice(bytes: Buffer): boolean {
    return bytes.subarray(0, ED25519_LENGTH).equals(bytes.subarray(2 * ED25519_LENGTH))
}

function assembleEd25519(seed: Buffer, stated: Buffer | undefined): OpenedKey {
    const der = secretBytes(ED25519_PKCS8_PREFIX.length + ED25519_LENGTH)
    ED25519_PKCS8_PREFIX.copy(der)
    seed.copy(der, ED25519_PKCS8_PREFIX.length)
    const opened = finish(der)
    if (stated === undefined || Buffer.from(opened.publicKey.bytes).equals(stated)) return opened
    opened.pkcs8[Symbol.dispose]()
    throw mismatch()
}

/** Takes over `der`. */
function finish(der: Buffer): OpenedKey {
    const pkcs8 = new Secret(der)
    try {
        const key = createPrivateKey({ key: der, ...PKCS8_DER })
        const publicKey = publicKeyBytes(createPublicKey(key))
        // Before the key is used: it refuses what would be slow.
        const algorithm = algorithmOf(publicKey)
        if (!fitTogether(key)) throw mismatch()
        return { pkcs8, publicKey, algorithm }
    } catch (error) {
        pkcs8[Symbol.dispose]()
        throw error
    }
}

/** RSA says its public half itself, so only a signature shows whether the private half is its own. */
function fitTogether(key: KeyObject): boolean {
    const message = Buffer.concat([Buffer.from("trustkeyd key file check\n"), randomBytes(32)])
    const digest = key.asymmetricKeyType === "ed25519" ? null : "sha256"
    return verify(digest, message, createPublicKey(key), sign(digest, message, key))
}

/** The OID in a curve's parameters. */
function curveOf(parameters: DerReader): string {
    if (parameters.tag === TAG.sequence) throw unfit("a key whose curve is written out instead of named")
    const oid = dottedOid(parameters.next(TAG.oid))
    parameters.end()
    return oid
}

/** The bytes of a BIT STRING of whole bytes. */
function bitsOf(content: Buffer | undefined): Buffer | undefined {
    if (content === undefined) return undefined
    if (content[0] !== 0) throw new Error("it has unused bits")
    return content.subarray(1)
}

function kindOf(oid: string): string {
    return OTHER_KEYS.get(oid) ?? `a key of the kind ${oid}`
}

function unfit(what: string): TrustkeyError {
    return new TrustkeyError("key_unfit", `this is ${what}; use P-256, P-384, RSA of 2048, 3072 or 4096 bits, or Ed25519`)
}

function mismatch(): TrustkeyError {
    return new TrustkeyError("key_file_invalid", "the public key in it is not the private key's: the file is damaged or was changed")
}
