import { constants, createCipheriv, createPublicKey, publicEncrypt } from "node:crypto"
import type { Session } from "graphene-pk11"
import type { Handle, Mechanism, PKCS11, RsaOAEP, Template } from "pkcs11js"
import { canonicalPkcs8, Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { destroyObject } from "./generate.ts"
import { CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKM_RSA_PKCS_KEY_PAIR_GEN } from "./mechanisms.ts"
import {
    CKA_CLASS,
    CKA_DECRYPT,
    CKA_ENCRYPT,
    CKA_EXTRACTABLE,
    CKA_KEY_TYPE,
    CKA_MODULUS,
    CKA_MODULUS_BITS,
    CKA_PRIVATE,
    CKA_PUBLIC_EXPONENT,
    CKA_SENSITIVE,
    CKA_TOKEN,
    CKA_UNWRAP,
    CKA_WRAP,
    CKO_SECRET_KEY,
    keyFromModulus,
} from "./objects.ts"
import {
    CKR_ACTION_PROHIBITED,
    CKR_ATTRIBUTE_SENSITIVE,
    CKR_ATTRIBUTE_TYPE_INVALID,
    CKR_ATTRIBUTE_VALUE_INVALID,
    CKR_FUNCTION_NOT_SUPPORTED,
    CKR_FUNCTION_REJECTED,
    CKR_TEMPLATE_INCONSISTENT,
    endsSession,
    resultCode,
} from "./result-codes.ts"

const CKR_ATTRIBUTE_READ_ONLY = 0x10
/** What tokens say that take in no private key in clear. */
const NOT_IN_CLEAR: ReadonlySet<number> = new Set([
    CKR_ACTION_PROHIBITED,
    CKR_ATTRIBUTE_READ_ONLY,
    CKR_ATTRIBUTE_SENSITIVE,
    CKR_ATTRIBUTE_TYPE_INVALID,
    CKR_ATTRIBUTE_VALUE_INVALID,
    CKR_FUNCTION_NOT_SUPPORTED,
    CKR_FUNCTION_REJECTED,
    CKR_TEMPLATE_INCONSISTENT,
])

const CKK_AES = 0x1f
const CKM_RSA_PKCS_OAEP = 0x0009
const CKM_SHA_1 = 0x0220
const CKG_MGF1_SHA1 = 1
const CKZ_DATA_SPECIFIED = 1
// Not the standard's: how pkcs11js numbers the kinds of parameters.
const CK_PARAMS_RSA_OAEP = 4
// SoftHSM knows OAEP with SHA-1 only, and what it protects never leaves this process.
const OAEP: RsaOAEP = { type: CK_PARAMS_RSA_OAEP, hashAlg: CKM_SHA_1, mgf: CKG_MGF1_SHA1, source: CKZ_DATA_SPECIFIED }
const RSA_BITS = 2048
const PUBLIC_EXPONENT = Buffer.from([0x01, 0x00, 0x01])
// RFC 3394 §2.2.3.1 and RFC 5649 §3
const KW_IV = Buffer.alloc(8, 0xa6)
const KWP_IV = Buffer.from("a65959a6", "hex")

/** RFC 5649 has one number in PKCS#11 3.0 and another in most modules; and that other one means padding as in PKCS#7 to the rest of them. */
const WAYS: readonly { readonly mechanism: number; readonly wrap: (key: Buffer, clear: Buffer) => Buffer }[] = [
    { mechanism: CKM_AES_KEY_WRAP_KWP, wrap: padded },
    { mechanism: CKM_AES_KEY_WRAP_PAD, wrap: padded },
    { mechanism: CKM_AES_KEY_WRAP_PAD, wrap: paddedAsPkcs7 },
]

/** Whether C_CreateObject was refused because a private key was to come in clear. */
export function isNotTakenInClear(error: unknown): boolean {
    return NOT_IN_CLEAR.has(resultCode(error) ?? -1)
}

/**
 * A private key for a token that takes in none in clear (FIPS 140 forbids it): wrapped under an AES key that goes there wrapped under an RSA key of the
 * session, which the token made. Nothing stays there but the private key.
 *
 * @throws key_unfit: the token has none of the ways. What ends the session
 */
export function unwrapOnto(lib: PKCS11, session: Session, pkcs8: Secret, template: Template): Handle {
    using disposables = new DisposableStack()
    const forget = (handle: Handle): Handle => {
        disposables.defer(() => destroyObject(lib, session, handle))
        return handle
    }
    try {
        const pair = makeRsa(lib, session)
        forget(pair.publicKey)
        forget(pair.privateKey)
        using key = Secret.random(32)
        const carried = key.reveal((bytes) => carry(lib, session, pair.publicKey, bytes))
        const oaep: Mechanism = { mechanism: CKM_RSA_PKCS_OAEP, parameter: OAEP }
        const carrier = forget(lib.C_UnwrapKey(session.handle, oaep, pair.privateKey, carried, AES_TEMPLATE))
        using clear = canonicalPkcs8(pkcs8)
        return firstThatWorks(({ mechanism, wrap }) => {
            const wrapped = key.reveal((bytes) => clear.reveal((der) => wrap(bytes, der)))
            return lib.C_UnwrapKey(session.handle, { mechanism }, carrier, wrapped, template)
        })
    } catch (cause) {
        if (endsSession(resultCode(cause) ?? 0)) throw cause
        const message =
            "the token takes in no private key, neither as it is nor wrapped (RSA-OAEP, then AES key wrap with padding): make one on it"
        throw new TrustkeyError("key_unfit", message, { cause })
    }
}

const AES_TEMPLATE: Template = [
    { type: CKA_CLASS, value: CKO_SECRET_KEY },
    { type: CKA_KEY_TYPE, value: CKK_AES },
    { type: CKA_TOKEN, value: false },
    { type: CKA_SENSITIVE, value: true },
    { type: CKA_EXTRACTABLE, value: false },
    { type: CKA_UNWRAP, value: true },
]

function makeRsa(lib: PKCS11, session: Session): { readonly publicKey: Handle; readonly privateKey: Handle } {
    return lib.C_GenerateKeyPair(
        session.handle,
        { mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN },
        [
            { type: CKA_TOKEN, value: false },
            { type: CKA_ENCRYPT, value: true },
            { type: CKA_WRAP, value: true },
            { type: CKA_MODULUS_BITS, value: RSA_BITS },
            { type: CKA_PUBLIC_EXPONENT, value: PUBLIC_EXPONENT },
        ],
        [
            { type: CKA_TOKEN, value: false },
            { type: CKA_PRIVATE, value: true },
            { type: CKA_SENSITIVE, value: true },
            { type: CKA_EXTRACTABLE, value: false },
            { type: CKA_DECRYPT, value: true },
            { type: CKA_UNWRAP, value: true },
        ],
    )
}

/** The AES key, for the RSA key of the session. */
function carry(lib: PKCS11, session: Session, publicKey: Handle, key: Buffer): Buffer {
    const [n, e] = lib.C_GetAttributeValue(session.handle, publicKey, [{ type: CKA_MODULUS }, { type: CKA_PUBLIC_EXPONENT }])
    const shown = Buffer.isBuffer(n?.value) && Buffer.isBuffer(e?.value) ? keyFromModulus(n.value, e.value) : undefined
    if (shown === undefined) throw new TrustkeyError("key_unfit", "the token does not show the RSA key it made")
    const object = createPublicKey({ key: Buffer.from(shown.bytes), format: "der", type: "spki" })
    return publicEncrypt({ key: object, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" }, key)
}

function firstThatWorks(attempt: (way: (typeof WAYS)[number]) => Handle): Handle {
    let refusal: unknown
    for (const way of WAYS) {
        try {
            return attempt(way)
        } catch (error) {
            if (endsSession(resultCode(error) ?? 0)) throw error
            refusal ??= error
        }
    }
    throw refusal
}

function padded(key: Buffer, clear: Buffer): Buffer {
    return wrapWith("id-aes256-wrap-pad", KWP_IV, key, clear)
}

function wrapWith(cipher: string, iv: Buffer, key: Buffer, clear: Buffer): Buffer {
    const wrapper = createCipheriv(cipher, key, iv)
    return Buffer.concat([wrapper.update(clear), wrapper.final()])
}

/** To a multiple of AES key wrap's 8 bytes. */
function paddedAsPkcs7(key: Buffer, clear: Buffer): Buffer {
    const surplus = 8 - (clear.length % 8)
    const whole = Buffer.alloc(clear.length + surplus, surplus)
    clear.copy(whole)
    try {
        return wrapWith("id-aes256-wrap", KW_IV, key, whole)
    } finally {
        whole.fill(0)
    }
}
