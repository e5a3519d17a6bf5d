import { createPublicKey } from "node:crypto"
import type { Session } from "graphene-pk11"
import type { Handle, PKCS11, Template } from "pkcs11js"
import { type Algorithm, type PublicKeyBytes, readPrivateExponent, readPrivateNumbers, type Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Quirks } from "../quirks.ts"
import { checkMade, destroyObject, freshId, type GeneratedPair, privateAttributes, publicAttributes } from "./generate.ts"
import { generationOf } from "./mechanisms.ts"
import { CKA_EC_PARAMS, CKA_EC_POINT, CKA_MODULUS, CKA_PRIVATE_EXPONENT, CKA_PUBLIC_EXPONENT, CKA_VALUE } from "./objects.ts"
import { isNotTakenInClear, unwrapOnto } from "./unwrap-key.ts"

// PKCS#11 v2.40 §2.1.3
const CKA_PRIME_1 = 0x0124
const CKA_PRIME_2 = 0x0125
const CKA_EXPONENT_1 = 0x0126
const CKA_EXPONENT_2 = 0x0127
const CKA_COEFFICIENT = 0x0128
const RSA_NUMBERS = [CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT]

const OCTET_STRING = 0x04
/** Of an uncompressed point: the byte 04 and two coordinates. */
const POINT_LENGTHS = { p256: 65, p384: 97 } as const

/**
 * Put a key pair on the token (C_CreateObject, or C_UnwrapKey where a private key has to come wrapped): sensitive and not extractable there, with a CKA_ID no
 * other key has. Its numbers are in our memory for that long; the module copies them.
 *
 * @throws key_unfit: a kind of key that tokens are not known to take in
 */
export function importPair(
    lib: PKCS11,
    session: Session,
    pkcs8: Secret,
    label: string,
    quirks: Quirks,
): GeneratedPair & { readonly publicKey: PublicKeyBytes } {
    if (quirks.keyIds === "piv") {
        throw new TrustkeyError("invalid_request", "keys are put into a slot of this card, and that has to be named: --slot 9c")
    }
    using numbers = readPrivateNumbers(pkcs8)
    const { algorithm, publicKey } = numbers
    const { keyType } = generationOf(algorithm)
    const id = freshId(session)
    const publicObject = lib.C_CreateObject(session.handle, [
        ...publicAttributes(keyType, id, label),
        ...publicNumbers(algorithm, publicKey),
    ])
    try {
        using secrets = secretAttributes(algorithm, pkcs8, numbers.numbers)
        const attributes = privateAttributes(keyType, id, label, quirks.template)
        const inClear = [...attributes, ...publicHalf(algorithm, publicKey), ...secrets.template]
        const privateObject = createOrUnwrap(lib, session, inClear, () => unwrapOnto(lib, session, pkcs8, attributes))
        return {
            id,
            publicKey,
            check: (made, shown) => checkMade(made, shown, algorithm),
            destroy: () => {
                for (const handle of [privateObject, publicObject]) destroyObject(lib, session, handle)
            },
        }
    } catch (error) {
        destroyObject(lib, session, publicObject)
        throw error
    }
}

function createOrUnwrap(lib: PKCS11, session: Session, template: Template, unwrap: () => Handle): Handle {
    try {
        return lib.C_CreateObject(session.handle, template)
    } catch (error) {
        if (!isNotTakenInClear(error)) throw error
        return unwrap()
    }
}

function publicNumbers(algorithm: Algorithm, publicKey: PublicKeyBytes): Template {
    if (algorithm !== "p256" && algorithm !== "p384") return publicHalf(algorithm, publicKey)
    const length = POINT_LENGTHS[algorithm]
    // RFC 5480 §2.2: the point ends the SubjectPublicKeyInfo.
    const point = Buffer.from(publicKey.bytes).subarray(-length)
    return [...publicHalf(algorithm, publicKey), { type: CKA_EC_POINT, value: Buffer.concat([Buffer.from([OCTET_STRING, length]), point]) }]
}

/** What the private object has of the public key. */
function publicHalf(algorithm: Algorithm, publicKey: PublicKeyBytes): Template {
    if (algorithm === "ed25519")
        throw new TrustkeyError("key_unfit", "tokens are not known to take in an Ed25519 key; make one on the token")
    if (algorithm === "p256" || algorithm === "p384") {
        const [parameter] = generationOf(algorithm).parameters
        return parameter !== undefined && "ecParams" in parameter ? [{ type: CKA_EC_PARAMS, value: parameter.ecParams }] : []
    }
    const { n = "", e = "" } = createPublicKey({ key: Buffer.from(publicKey.bytes), format: "der", type: "spki" }).export({ format: "jwk" })
    return [
        { type: CKA_MODULUS, value: Buffer.from(n, "base64url") },
        { type: CKA_PUBLIC_EXPONENT, value: Buffer.from(e, "base64url") },
    ]
}

/** The attributes that are the secret; their bytes are wiped with it. */
function secretAttributes(algorithm: Algorithm, pkcs8: Secret, numbers: readonly Secret[]): Disposable & { readonly template: Template } {
    const owned: Buffer[] = []
    const copyOf = (secret: Secret): Buffer => {
        const bytes = secret.reveal((clear) => Buffer.from(clear))
        owned.push(bytes)
        return bytes
    }
    const wipe = (): void => {
        for (const bytes of owned) bytes.fill(0)
    }
    const first = numbers[0]
    if (first === undefined) throw new TrustkeyError("internal", "a private key without numbers")
    if (algorithm === "p256" || algorithm === "p384") {
        return { template: [{ type: CKA_VALUE, value: copyOf(first) }], [Symbol.dispose]: wipe }
    }
    using exponent = readPrivateExponent(pkcs8, 2 * first.length)
    const template = [
        { type: CKA_PRIVATE_EXPONENT, value: copyOf(exponent) },
        ...numbers.map((number, index) => ({ type: RSA_NUMBERS[index] ?? CKA_COEFFICIENT, value: copyOf(number) })),
    ]
    return { template, [Symbol.dispose]: wipe }
}
