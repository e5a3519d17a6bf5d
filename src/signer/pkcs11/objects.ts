import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto"
import type { Session, SessionObject } from "graphene-pk11"
import type { PublicKeyBytes } from "../../crypto/index.ts"
import { CKK_EC, CKK_EC_EDWARDS, CKK_RSA } from "./mechanisms.ts"
import { CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, resultCode } from "./result-codes.ts"

export const CKO_CERTIFICATE = 0x01
export const CKO_PUBLIC_KEY = 0x02
export const CKO_PRIVATE_KEY = 0x03
export const CKO_SECRET_KEY = 0x04
export const CKA_CLASS = 0x0000
export const CKA_TOKEN = 0x0001
export const CKA_PRIVATE = 0x0002
export const CKA_LABEL = 0x0003
export const CKA_VALUE = 0x0011
export const CKA_KEY_TYPE = 0x0100
export const CKA_ID = 0x0102
export const CKA_SENSITIVE = 0x0103
export const CKA_ENCRYPT = 0x0104
export const CKA_DECRYPT = 0x0105
export const CKA_WRAP = 0x0106
export const CKA_UNWRAP = 0x0107
export const CKA_SIGN = 0x0108
export const CKA_VERIFY = 0x010a
export const CKA_MODULUS = 0x0120
export const CKA_MODULUS_BITS = 0x0121
export const CKA_PUBLIC_EXPONENT = 0x0122
export const CKA_PRIVATE_EXPONENT = 0x0123
export const CKA_VALUE_LEN = 0x0161
export const CKA_EXTRACTABLE = 0x0162
export const CKA_LOCAL = 0x0163
export const CKA_NEVER_EXTRACTABLE = 0x0164
export const CKA_EC_PARAMS = 0x0180
export const CKA_EC_POINT = 0x0181
export const CKA_ALWAYS_AUTHENTICATE = 0x0202

/** One attribute; undefined when the object has none of the kind. C_GetAttributeValue fails as a whole, so one by one. */
export function readAttribute(object: SessionObject, type: number): Buffer | undefined {
    try {
        const value: unknown = object.getAttribute(type)
        return Buffer.isBuffer(value) ? value : undefined
    } catch (error) {
        const code = resultCode(error)
        const missing = code === CKR_ATTRIBUTE_TYPE_INVALID || code === CKR_ATTRIBUTE_SENSITIVE || code === CKR_ATTRIBUTE_VALUE_INVALID
        if (missing) return undefined
        throw error
    }
}

/** CK_BBOOL; a missing one is false, as the standard's defaults are for all we ask. */
export function readFlag(object: SessionObject, type: number): boolean {
    return (readAttribute(object, type)?.[0] ?? 0) !== 0
}

/** CK_ULONG */
export function readNumber(object: SessionObject, type: number): number | undefined {
    const value = readAttribute(object, type)
    return value?.length === 8 ? Number(value.readBigUInt64LE(0)) : undefined
}

export function readText(object: SessionObject, type: number): string {
    return readAttribute(object, type)?.toString("utf8") ?? ""
}

/** Objects of one class, all of them or those with one CKA_ID. */
export function findObjects(session: Session, objectClass: number, id?: Uint8Array): SessionObject[] {
    const template = id === undefined ? { class: objectClass, token: true } : { class: objectClass, token: true, id: Buffer.from(id) }
    const found = session.find(template)
    const objects: SessionObject[] = []
    for (let i = 0; i < found.length; i += 1) {
        const object = found.items(i)
        // Trust no search: a public key's handle in C_SignInit brought a TPM down.
        if (readNumber(object, CKA_CLASS) === objectClass) objects.push(object)
    }
    return objects
}

/**
 * The public key that belongs to a private one: from the public object of the same CKA_ID, else from the private object,
 * else from a certificate. It is what the token says; only a verified signature shows that it is so.
 *
 * @returns undefined when there is none, or it is of a kind we do not use
 */
export function readPublicKey(session: Session, privateKey: SessionObject, id: Uint8Array): PublicKeyBytes | undefined {
    const keyType = readNumber(privateKey, CKA_KEY_TYPE)
    const candidates = [...(id.length === 0 ? [] : findObjects(session, CKO_PUBLIC_KEY, id)), privateKey]
    for (const object of candidates) {
        const key = keyType === undefined ? undefined : keyFromAttributes(object, keyType)
        if (key !== undefined) return key
    }
    return id.length === 0 ? undefined : keyFromCertificates(session, id)
}

/** What a token shows for an id to who has not logged in: a public object or a certificate. Undefined when it shows neither. */
export function readShownKey(session: Session, id: Uint8Array): PublicKeyBytes | undefined {
    if (id.length === 0) return undefined
    for (const object of findObjects(session, CKO_PUBLIC_KEY, id)) {
        const keyType = readNumber(object, CKA_KEY_TYPE)
        const key = keyType === undefined ? undefined : keyFromAttributes(object, keyType)
        if (key !== undefined) return key
    }
    return keyFromCertificates(session, id)
}

function keyFromCertificates(session: Session, id: Uint8Array): PublicKeyBytes | undefined {
    for (const object of findObjects(session, CKO_CERTIFICATE, id)) {
        const key = keyFromCertificate(readAttribute(object, CKA_VALUE))
        if (key !== undefined) return key
    }
    return undefined
}

function keyFromAttributes(object: SessionObject, keyType: number): PublicKeyBytes | undefined {
    const isRsa = keyType === CKK_RSA
    const rsa = isRsa ? { n: readAttribute(object, CKA_MODULUS), e: readAttribute(object, CKA_PUBLIC_EXPONENT) } : NO_RSA
    return publicKeyOf(keyType, isRsa ? undefined : readAttribute(object, CKA_EC_POINT), rsa)
}

const NO_RSA = { n: undefined, e: undefined }

/** A public key from what a token shows of it. */
export function publicKeyOf(
    keyType: number,
    point: Buffer | undefined,
    { n, e }: { readonly n: Buffer | undefined; readonly e: Buffer | undefined },
): PublicKeyBytes | undefined {
    if (keyType !== CKK_RSA) return point === undefined ? undefined : keyFromPoint(point, keyType)
    return n === undefined || e === undefined ? undefined : keyFromModulus(n, e)
}

export function keyFromModulus(modulus: Buffer, exponent: Buffer): PublicKeyBytes | undefined {
    return fromJwk({
        kty: "RSA",
        n: withoutLeadingZeros(modulus).toString("base64url"),
        e: withoutLeadingZeros(exponent).toString("base64url"),
    })
}

/** The point decides the curve: ykcs11 gives explicit parameters for imported keys. DER OCTET STRING or bare, tokens differ. */
export function keyFromPoint(attribute: Buffer, keyType: number): PublicKeyBytes | undefined {
    const point = unwrapOctetString(attribute)
    if (keyType === CKK_EC_EDWARDS && point.length === 32) return { keytype: "ed25519", bytes: Buffer.from(point) }
    const crv = point.length === 65 ? "P-256" : point.length === 97 ? "P-384" : undefined
    if (keyType !== CKK_EC || crv === undefined || point[0] !== 4) return undefined
    const half = (point.length - 1) / 2
    return fromJwk({
        kty: "EC",
        crv,
        x: point.subarray(1, 1 + half).toString("base64url"),
        y: point.subarray(1 + half).toString("base64url"),
    })
}

/** Ed25519, P-256, P-384. */
const POINT_LENGTHS: ReadonlySet<number> = new Set([32, 65, 97])

function unwrapOctetString(value: Buffer): Buffer {
    // Lengths here stay under 128, so DER's short form is the only one. One bare point in 256 looks like a shorter one that is wrapped.
    const inner = value.length - 2
    return POINT_LENGTHS.has(inner) && value[0] === 0x04 && value[1] === inner ? value.subarray(2) : value
}

function withoutLeadingZeros(value: Buffer): Buffer {
    let start = 0
    while (start < value.length - 1 && value[start] === 0) start += 1
    return value.subarray(start)
}

function fromJwk(jwk: Record<string, string>): PublicKeyBytes | undefined {
    try {
        return toPublicKeyBytes(createPublicKey({ key: jwk, format: "jwk" }))
    } catch {
        // Not on the curve, or no RSA key at all: the token said something that is not a key.
        return undefined
    }
}

export function keyFromCertificate(der: Buffer | undefined): PublicKeyBytes | undefined {
    try {
        return der === undefined ? undefined : toPublicKeyBytes(new X509Certificate(der).publicKey)
    } catch {
        return undefined
    }
}

function toPublicKeyBytes(key: KeyObject): PublicKeyBytes | undefined {
    const spki = key.export({ type: "spki", format: "der" })
    if (key.asymmetricKeyType === "ec") return { keytype: "ecdsa", bytes: spki }
    if (key.asymmetricKeyType === "rsa") return { keytype: "rsa", bytes: spki }
    if (key.asymmetricKeyType === "ed25519") return { keytype: "ed25519", bytes: spki.subarray(-32) }
    return undefined
}
