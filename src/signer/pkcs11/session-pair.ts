import { randomBytes } from "node:crypto"
import type { Session } from "graphene-pk11"
import type { Handle, PKCS11, Template } from "pkcs11js"
import type { Algorithm, PublicKeyBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { CKM_EC_KEY_PAIR_GEN, CKM_RSA_PKCS_KEY_PAIR_GEN, generationOf, type MechanismFacts } from "./mechanisms.ts"
import {
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_EXTRACTABLE,
    CKA_ID,
    CKA_MODULUS,
    CKA_MODULUS_BITS,
    CKA_PRIVATE,
    CKA_PRIVATE_EXPONENT,
    CKA_PUBLIC_EXPONENT,
    CKA_SENSITIVE,
    CKA_SIGN,
    CKA_TOKEN,
    CKA_VALUE,
    CKA_VERIFY,
    publicKeyOf,
} from "./objects.ts"
import { CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, endsSession, resultCode } from "./result-codes.ts"

const ID_LENGTH = 8
const PUBLIC_EXPONENT = Buffer.from([0x01, 0x00, 0x01])
/** "I do not know this attribute, or not with this value." */
const TEMPLATE_CODES: ReadonlySet<number> = new Set([CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID])

/** A key pair that is gone with its session: sensitive, not extractable unless that was asked for, and nobody's. */
export type SessionPair = {
    readonly algorithm: Algorithm
    readonly privateKey: Handle
    readonly publicKey: PublicKeyBytes | undefined
    /** The template that made it. */
    readonly template: "full" | "minimal"
    /** The private value, which no module should give; the caller wipes it. */
    readSecret(handle: Handle): Buffer | undefined
    destroy(): void
}

/** Of the kind the module is best at. @throws what the module throws */
export function makeSessionPair(lib: PKCS11, session: Session, mechanisms: readonly MechanismFacts[], extractable = false): SessionPair {
    const has = (wanted: number): boolean => mechanisms.some(({ mechanism }) => mechanism === wanted)
    if (has(CKM_EC_KEY_PAIR_GEN)) return makeSessionPairOf(lib, session, "p256", extractable)
    if (has(CKM_RSA_PKCS_KEY_PAIR_GEN)) return makeSessionPairOf(lib, session, "rsa2048", extractable)
    throw new TrustkeyError("token_unfit", "the module makes neither EC nor RSA keys")
}

/**
 * The session must be one for reading only: then a module that keeps to the standard can't make what stays. One that doesn't is found out,
 * and what it made is destroyed.
 */
export function makeSessionPairOf(lib: PKCS11, session: Session, algorithm: Algorithm, extractable = false): SessionPair {
    const id = randomBytes(ID_LENGTH)
    const { handles, template } = generate(lib, session, algorithm, id, extractable)
    const destroy = (): void => {
        for (const handle of [handles.privateKey, handles.publicKey]) {
            try {
                lib.C_DestroyObject(session.handle, handle)
            } catch {
                // It goes with the session.
            }
        }
    }
    const secret = algorithm.startsWith("rsa") ? CKA_PRIVATE_EXPONENT : CKA_VALUE
    const read = (handle: Handle, type: number): Buffer | undefined => readRaw(lib, session, handle, type)
    try {
        if (read(handles.privateKey, CKA_TOKEN)?.[0] !== 0) {
            throw new TrustkeyError("token_unfit", "the module was asked for a key of the session and made one that stays")
        }
        const isOurs = read(handles.privateKey, CKA_SENSITIVE)?.[0] === 1 && read(handles.privateKey, CKA_EXTRACTABLE)?.[0] === 0
        if (!extractable && !isOurs)
            throw new TrustkeyError("token_unfit", "the module was asked for a sensitive key that can't be extracted, and made another")
        const rsa = { n: read(handles.publicKey, CKA_MODULUS), e: read(handles.publicKey, CKA_PUBLIC_EXPONENT) }
        return {
            algorithm,
            privateKey: handles.privateKey,
            publicKey: publicKeyOf(generationOf(algorithm).keyType, read(handles.publicKey, CKA_EC_POINT), rsa),
            template,
            readSecret: (handle) => read(handle, secret),
            destroy,
        }
    } catch (error) {
        destroy()
        throw error
    }
}

function generate(
    lib: PKCS11,
    session: Session,
    algorithm: Algorithm,
    id: Buffer,
    extractable: boolean,
): { readonly handles: { readonly privateKey: Handle; readonly publicKey: Handle }; readonly template: "full" | "minimal" } {
    const { mechanism, parameters } = generationOf(algorithm)
    let refusal: unknown
    for (const template of ["full", "minimal"] as const) {
        for (const parameter of parameters) {
            const size: Template =
                "ecParams" in parameter
                    ? [{ type: CKA_EC_PARAMS, value: parameter.ecParams }]
                    : [
                          { type: CKA_MODULUS_BITS, value: parameter.modulusBits },
                          { type: CKA_PUBLIC_EXPONENT, value: PUBLIC_EXPONENT },
                      ]
            const ofPublic: Template = [{ type: CKA_TOKEN, value: false }, { type: CKA_VERIFY, value: true }, ...size]
            const ofPrivate: Template = [
                { type: CKA_TOKEN, value: false },
                { type: CKA_PRIVATE, value: true },
                { type: CKA_SENSITIVE, value: true },
                { type: CKA_SIGN, value: true },
                { type: CKA_ID, value: id },
            ]
            const more: Template = template === "full" ? [{ type: CKA_EXTRACTABLE, value: extractable }] : []
            try {
                return { handles: lib.C_GenerateKeyPair(session.handle, { mechanism }, ofPublic, [...ofPrivate, ...more]), template }
            } catch (error) {
                const code = resultCode(error)
                if (code === undefined || endsSession(code)) throw error
                refusal ??= error
                if (!TEMPLATE_CODES.has(code) && parameters.length === 1) throw error
            }
        }
    }
    throw refusal
}

function readRaw(lib: PKCS11, session: Session, handle: Handle, type: number): Buffer | undefined {
    try {
        const [attribute] = lib.C_GetAttributeValue(session.handle, handle, [{ type }])
        return Buffer.isBuffer(attribute?.value) ? attribute.value : undefined
    } catch (error) {
        const code = resultCode(error)
        if (code === undefined || endsSession(code)) throw error
        return undefined
    }
}
