import type { JsonWebKey } from "node:crypto"
import type { AttestationAuthority } from "./attestation.ts"
import { ALGORITHM } from "./keys.ts"
import { encodeTlv } from "./tlv.ts"

export type Reference = { readonly value: string; readonly left: number; readonly total: number }

export type StoredKey = {
    readonly algorithm: number
    readonly key: JsonWebKey
    /** 1 never, 2 once, 3 always */
    readonly pinPolicy: number
    /** 1 never, 2 always, 3 cached */
    readonly touchPolicy: number
    readonly origin: "generated" | "imported"
}

/** All that survives power loss, as it is written to a file. Bytes are hexadecimal; slots and object tags are named by theirs. */
export type CardState = {
    readonly serial: number
    readonly firmware: readonly [number, number, number]
    readonly formFactor: number
    /** What the last wrong PIN is answered with: real cards are reported to do either. */
    readonly lastTry: "63c0" | "6983"
    readonly pin: Reference
    readonly puk: Reference
    readonly management: { readonly algorithm: number; readonly key: string; readonly touchPolicy: number }
    readonly slots: Readonly<Record<string, StoredKey>>
    readonly objects: Readonly<Record<string, string>>
}

export type CardSpec = {
    readonly serial: number
    /** Another card that shows the same serial, as only a forged one does. */
    readonly twin?: string
    /** Default 5.4.3; from 5.7 on the management key is AES-192. */
    readonly firmware?: readonly [number, number, number]
    readonly lastTry?: "63c0" | "6983"
    /** Who certified the attestation key. Without it slot f9 is empty, which no bought card's is. */
    readonly authority?: AttestationAuthority
}

export const MANAGEMENT = {
    tripleDes: { id: 0x03, cipher: "des-ede3-ecb", keySize: 24, block: 8 },
    aes128: { id: 0x08, cipher: "aes-128-ecb", keySize: 16, block: 16 },
    aes192: { id: 0x0a, cipher: "aes-192-ecb", keySize: 24, block: 16 },
    aes256: { id: 0x0c, cipher: "aes-256-ecb", keySize: 32, block: 16 },
} as const

export const DEFAULT_PIN = "123456"
export const DEFAULT_PUK = "12345678"
export const DEFAULT_MANAGEMENT_KEY = "010203040506070801020304050607080102030405060708"
export const ATTESTATION_SLOT = 0xf9
export const ATTESTATION_OBJECT = "5fff01"

export function isAtLeast({ firmware }: Pick<CardState, "firmware">, major: number, minor: number): boolean {
    return firmware[0] > major || (firmware[0] === major && firmware[1] >= minor)
}

/** As it leaves the factory. */
export function factoryState(spec: CardSpec): CardState {
    const firmware = spec.firmware ?? [5, 4, 3]
    const attestation = spec.authority?.issue(firmware)
    const kept =
        attestation === undefined
            ? { slots: {}, objects: {} }
            : {
                  slots: { f9: attestationKey(attestation.key) },
                  objects: { [ATTESTATION_OBJECT]: certificateObject(attestation.certificate).toString("hex") },
              }
    return resetState({
        serial: spec.serial,
        firmware,
        formFactor: 1,
        lastTry: spec.lastTry ?? "63c0",
        ...initialReferences({ firmware }),
        ...kept,
    })
}

/** What a reset of the applet leaves: the attestation key and its certificate. */
export function resetState(state: CardState): CardState {
    const f9 = state.slots["f9"]
    const certificate = state.objects[ATTESTATION_OBJECT]
    return {
        ...state,
        ...initialReferences(state),
        slots: f9 === undefined ? {} : { f9 },
        objects: certificate === undefined ? {} : { [ATTESTATION_OBJECT]: certificate },
    }
}

function initialReferences(card: Pick<CardState, "firmware">): Pick<CardState, "pin" | "puk" | "management"> {
    const algorithm = isAtLeast(card, 5, 7) ? MANAGEMENT.aes192.id : MANAGEMENT.tripleDes.id
    return {
        pin: initialReference(DEFAULT_PIN, 3),
        puk: initialReference(DEFAULT_PUK, 3),
        management: { algorithm, key: DEFAULT_MANAGEMENT_KEY, touchPolicy: 1 },
    }
}

export function initialReference(value: string, total: number): Reference {
    return { value: padReference(value).toString("hex"), left: total, total }
}

/** Eight bytes, filled up with FF. */
export function padReference(value: string): Buffer {
    const bytes = Buffer.alloc(8, 0xff)
    bytes.write(value, "utf8")
    return bytes
}

/** As certificates lie in the card's objects: certificate, not compressed, no LRC. */
export function certificateObject(certificate: Buffer): Buffer {
    return Buffer.concat([encodeTlv(0x70, certificate), encodeTlv(0x71, Buffer.alloc(1)), encodeTlv(0xfe)])
}

function attestationKey(key: JsonWebKey): StoredKey {
    const algorithm = key.kty === "RSA" ? ALGORITHM.rsa2048.id : ALGORITHM.p384.id
    return { algorithm, key, pinPolicy: 1, touchPolicy: 1, origin: "imported" }
}

/** @throws SyntaxError for a file that was cut off; what it holds is ours, so its shape is believed. */
export function parseState(text: string): CardState {
    return JSON.parse(text) as CardState
}
