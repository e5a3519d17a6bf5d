import type { Algorithm, PublicKeyBytes } from "../../crypto/index.ts"
import { type Fields, toBase64 } from "../fields.ts"
import { ALGORITHMS, encodePublicKey, parsePublicKey } from "../messages.ts"

/** SP 800-73-4 part 1 §3: authentication, signature, key management, card authentication, and the twenty retired ones. */
export const PIV_SLOTS = [
    ...(["9a", "9c", "9d", "9e"] as const),
    ...(["82", "83", "84", "85", "86", "87", "88", "89", "8a", "8b"] as const),
    ...(["8c", "8d", "8e", "8f", "90", "91", "92", "93", "94", "95"] as const),
] as const
export type PivSlot = (typeof PIV_SLOTS)[number]

/** The bytes Yubico has for them, https://docs.yubico.com/yesdk/users-manual/application-piv/pin-touch-policies.html, are their places, from 1. */
export const PIN_POLICIES = ["never", "once", "always"] as const
export const TOUCH_POLICIES = ["never", "always", "cached"] as const
export type PinPolicy = (typeof PIN_POLICIES)[number]
export type TouchPolicy = (typeof TOUCH_POLICIES)[number]

export const MANAGEMENT_ALGORITHMS = ["3des", "aes128", "aes192", "aes256"] as const
export type ManagementAlgorithm = (typeof MANAGEMENT_ALGORITHMS)[number]

const ANSWERS = ["yes", "no", "unknown"] as const
const ORIGINS = ["generated", "imported", "unknown"] as const

/** A slot with a key, or with a certificate and perhaps no key. */
export type PivSlotFacts = {
    readonly slot: PivSlot
    /** Absent when there is no key, the card can't say, or it is of a kind we don't use. */
    readonly algorithm?: Algorithm
    readonly publicKey?: PublicKeyBytes
    readonly pinPolicy: PinPolicy | "unknown"
    readonly touchPolicy: TouchPolicy | "unknown"
    readonly origin: (typeof ORIGINS)[number]
    /** DER */
    readonly certificate?: Uint8Array
}

/** What a YubiKey says of itself. A claim: only an attestation is a proof. */
export type PivDescription = {
    /** Decimal */
    readonly serial: string
    /** `5.4.3` */
    readonly firmware: string
    readonly managementKey: {
        readonly algorithm: ManagementAlgorithm
        readonly isDefault: (typeof ANSWERS)[number]
        readonly touch: TouchPolicy | "unknown"
    }
    /** Tries left; absent when the card can't say without losing one. */
    readonly pinTries?: number
    readonly pukTries?: number
    readonly pinIsDefault: (typeof ANSWERS)[number]
    readonly slots: readonly PivSlotFacts[]
}

/** The CKA_ID that ykcs11 (and OpenSC, for the first four) gives the key in a slot. */
export function objectIdOfSlot(slot: PivSlot): Buffer {
    return Buffer.from([PIV_SLOTS.indexOf(slot) + 1])
}

/** Undefined: no slot that is known here. */
export function slotOfObjectId(id: Uint8Array | undefined): PivSlot | undefined {
    return PIV_SLOTS.find((slot) => id !== undefined && objectIdOfSlot(slot).equals(id))
}

/** How often a key wants PIN and touch, as far as it is known. */
export type KnownPolicies = { readonly pinPolicy?: PinPolicy; readonly touchPolicy?: TouchPolicy }

/** Of a key, as the parent knows it. */
export function parseKnownPolicies(fields: Fields): KnownPolicies {
    return {
        ...(fields.has("pinPolicy") ? { pinPolicy: fields.oneOf("pinPolicy", PIN_POLICIES) } : {}),
        ...(fields.has("touchPolicy") ? { touchPolicy: fields.oneOf("touchPolicy", TOUCH_POLICIES) } : {}),
    }
}

export function encodePivDescription(description: PivDescription): object {
    return {
        ...description,
        slots: description.slots.map((facts) => ({
            ...facts,
            publicKey: facts.publicKey === undefined ? undefined : encodePublicKey(facts.publicKey),
            certificate: facts.certificate === undefined ? undefined : toBase64(facts.certificate),
        })),
    }
}

export function parsePivDescription(fields: Fields): PivDescription {
    const managementKey = fields.fields("managementKey")
    return {
        serial: fields.text("serial"),
        firmware: fields.text("firmware"),
        managementKey: {
            algorithm: managementKey.oneOf("algorithm", MANAGEMENT_ALGORITHMS),
            isDefault: managementKey.oneOf("isDefault", ANSWERS),
            touch: managementKey.oneOf("touch", [...TOUCH_POLICIES, "unknown"]),
        },
        ...(fields.has("pinTries") ? { pinTries: fields.integer("pinTries") } : {}),
        ...(fields.has("pukTries") ? { pukTries: fields.integer("pukTries") } : {}),
        pinIsDefault: fields.oneOf("pinIsDefault", ANSWERS),
        slots: fields.list("slots").map(parseSlot),
    }
}

function parseSlot(fields: Fields): PivSlotFacts {
    return {
        slot: fields.oneOf("slot", PIV_SLOTS),
        ...(fields.has("algorithm") ? { algorithm: fields.oneOf("algorithm", ALGORITHMS) } : {}),
        ...(fields.has("publicKey") ? { publicKey: parsePublicKey(fields.fields("publicKey")) } : {}),
        pinPolicy: fields.oneOf("pinPolicy", [...PIN_POLICIES, "unknown"]),
        touchPolicy: fields.oneOf("touchPolicy", [...TOUCH_POLICIES, "unknown"]),
        origin: fields.oneOf("origin", ORIGINS),
        ...(fields.has("certificate") ? { certificate: fields.bytes("certificate") } : {}),
    }
}
