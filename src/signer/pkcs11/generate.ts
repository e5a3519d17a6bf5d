import { randomBytes } from "node:crypto"
import type { Session, SessionObject } from "graphene-pk11"
import type { Handle, PKCS11, Template } from "pkcs11js"
import { type Algorithm, algorithmOf, type PublicKeyBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Quirks } from "../quirks.ts"
import { type Generation, generationOf, mechanismName, signingMechanism } from "./mechanisms.ts"
import {
    CKA_CLASS,
    CKA_EC_PARAMS,
    CKA_EXTRACTABLE,
    CKA_ID,
    CKA_KEY_TYPE,
    CKA_LABEL,
    CKA_MODULUS_BITS,
    CKA_PRIVATE,
    CKA_PUBLIC_EXPONENT,
    CKA_SENSITIVE,
    CKA_SIGN,
    CKA_TOKEN,
    CKA_VERIFY,
    CKO_PRIVATE_KEY,
    CKO_PUBLIC_KEY,
    findObjects,
    readFlag,
    readNumber,
} from "./objects.ts"
import { CKR_ATTRIBUTE_VALUE_INVALID, CKR_DOMAIN_PARAMS_INVALID, resultCode } from "./result-codes.ts"

const ID_LENGTH = 8
const PUBLIC_EXPONENT = Buffer.from([0x01, 0x00, 0x01])
// "this name of the curve means nothing to me"; SoftHSM says GENERAL_ERROR-like codes only for real failures.
const OTHER_NAME_CODES = new Set([CKR_ATTRIBUTE_VALUE_INVALID, CKR_DOMAIN_PARAMS_INVALID])

export type GeneratedPair = {
    readonly id: Buffer
    /** The attributes read back say what was asked for. @throws key_unfit */
    check(privateKey: SessionObject, publicKey: PublicKeyBytes | undefined): void
    /** Undo: only ever for the two objects just made. */
    destroy(): void
}

/** Make a key pair on the token: private, sensitive, not extractable, with a CKA_ID no other key has. */
export function generatePair(lib: PKCS11, session: Session, algorithm: Algorithm, label: string, quirks: Quirks): GeneratedPair {
    const generation = generationOf(algorithm)
    if (quirks.keyIds === "piv") {
        throw new TrustkeyError("invalid_request", "keys on this card are made in a slot of it, and that has to be named: --slot 9c")
    }
    const broken = [generation.mechanism, signingMechanism(algorithm)]
        .map(mechanismName)
        .find((name) => quirks.absentMechanisms.includes(name))
    if (broken !== undefined) throw new TrustkeyError("key_unfit", `the token lists ${broken}, but it does not work there`)
    const id = freshId(session)
    const handles = tryEach(generation, (parameter) => {
        // Nothing may be left of an earlier attempt, and NSS replaces a key that has the same CKA_ID.
        checkUnused(session, id)
        return lib.C_GenerateKeyPair(
            session.handle,
            { mechanism: generation.mechanism },
            publicTemplate(generation, parameter, id, label),
            privateAttributes(generation.keyType, id, label, quirks.template),
        )
    })
    return {
        id,
        check: (privateKey, publicKey) => checkMade(privateKey, publicKey, algorithm),
        destroy: () => {
            for (const handle of [handles.privateKey, handles.publicKey]) {
                destroyObject(lib, session, handle)
            }
        },
    }
}

/** Of what was made a moment ago. */
export function destroyObject(lib: PKCS11, session: Session, handle: Handle): void {
    try {
        lib.C_DestroyObject(session.handle, handle)
    } catch {
        // The token has failed; what remains there is a key nobody knows.
    }
}

function tryEach<T>(generation: Generation, attempt: (parameter: Generation["parameters"][number]) => T): T {
    let refusal: unknown
    for (const parameter of generation.parameters) {
        try {
            return attempt(parameter)
        } catch (error) {
            if (!OTHER_NAME_CODES.has(resultCode(error) ?? -1)) throw error
            refusal = error
        }
    }
    throw new TrustkeyError("key_unfit", "the token cannot make this kind of key", { cause: refusal })
}

export function freshId(session: Session): Buffer {
    const id = randomBytes(ID_LENGTH)
    checkUnused(session, id)
    return id
}

/** @throws already_exists */
function checkUnused(session: Session, id: Buffer): void {
    if (findObjects(session, CKO_PRIVATE_KEY, id).length + findObjects(session, CKO_PUBLIC_KEY, id).length > 0) {
        throw new TrustkeyError("already_exists", "the token already holds a key with this CKA_ID")
    }
}

function publicTemplate(generation: Generation, parameter: Generation["parameters"][number], id: Buffer, label: string): Template {
    const template = publicAttributes(generation.keyType, id, label)
    if ("ecParams" in parameter) return [...template, { type: CKA_EC_PARAMS, value: parameter.ecParams }]
    return [...template, { type: CKA_MODULUS_BITS, value: parameter.modulusBits }, { type: CKA_PUBLIC_EXPONENT, value: PUBLIC_EXPONENT }]
}

/** Of a public key that stays on the token. */
export function publicAttributes(keyType: number, id: Buffer, label: string): Template {
    return [
        { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
        { type: CKA_KEY_TYPE, value: keyType },
        { type: CKA_TOKEN, value: true },
        { type: CKA_VERIFY, value: true },
        { type: CKA_ID, value: id },
        { type: CKA_LABEL, value: label },
    ]
}

/** Of a private key that stays on the token: sensitive, not extractable, there to sign. */
export function privateAttributes(keyType: number, id: Buffer, label: string, template: Quirks["template"]): Template {
    // Where it can't be asked for, what was made is still looked at, and destroyed when it is extractable.
    const extractable: Template = template === "full" ? [{ type: CKA_EXTRACTABLE, value: false }] : []
    return [
        { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
        { type: CKA_KEY_TYPE, value: keyType },
        { type: CKA_TOKEN, value: true },
        { type: CKA_PRIVATE, value: true },
        { type: CKA_SENSITIVE, value: true },
        ...extractable,
        { type: CKA_SIGN, value: true },
        { type: CKA_ID, value: id },
        { type: CKA_LABEL, value: label },
    ]
}

export function checkMade(privateKey: SessionObject, publicKey: PublicKeyBytes | undefined, algorithm: Algorithm): void {
    const lies = [
        readFlag(privateKey, CKA_TOKEN) ? undefined : "it is not kept on the token",
        readFlag(privateKey, CKA_PRIVATE) ? undefined : "it needs no login",
        readFlag(privateKey, CKA_SENSITIVE) ? undefined : "it is not sensitive",
        readFlag(privateKey, CKA_EXTRACTABLE) ? "it is extractable" : undefined,
        readFlag(privateKey, CKA_SIGN) ? undefined : "it cannot sign",
        readNumber(privateKey, CKA_KEY_TYPE) === generationOf(algorithm).keyType ? undefined : "it is of another type",
        publicKey !== undefined && algorithmOf(publicKey) === algorithm ? undefined : "its public key is of another kind",
    ].filter((lie) => lie !== undefined)
    if (lies.length > 0) throw new TrustkeyError("key_unfit", `the token made another key than was asked for: ${lies.join(", ")}`)
}
