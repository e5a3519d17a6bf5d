import { createCipheriv, createDecipheriv } from "node:crypto"
import { Secret, secretBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { ManagementAlgorithm } from "./description.ts"

type ManagementCipher = { readonly id: number; readonly cipher: string; readonly keyLength: number; readonly block: number }

/** SP 800-78-4 table 6-2. Triple DES is all there was before 5.4; from 5.7 on cards leave the factory with AES-192. */
export const MANAGEMENT_CIPHERS: Readonly<Record<ManagementAlgorithm, ManagementCipher>> = {
    "3des": { id: 0x03, cipher: "des-ede3-ecb", keyLength: 24, block: 8 },
    aes128: { id: 0x08, cipher: "aes-128-ecb", keyLength: 16, block: 16 },
    aes192: { id: 0x0a, cipher: "aes-192-ecb", keyLength: 24, block: 16 },
    aes256: { id: 0x0c, cipher: "aes-256-ecb", keyLength: 32, block: 16 },
}

const NAMES: Readonly<Record<ManagementAlgorithm, string>> = { "3des": "3DES", aes128: "AES-128", aes192: "AES-192", aes256: "AES-256" }

/** https://docs.yubico.com/yesdk/users-manual/application-piv/pin-puk-mgmt-key.html: known to everybody, so no key to set. */
const DEFAULT_MANAGEMENT_KEY = Buffer.from("010203040506070801020304050607080102030405060708", "hex")

/** Triple DES ignores the lowest bit of each byte, and nobody sets AES keys that differ in those alone. */
export function isDefaultKey(key: Secret): boolean {
    return key.reveal(
        (bytes) =>
            bytes.length === DEFAULT_MANAGEMENT_KEY.length &&
            bytes.every((byte, at) => byte >> 1 === (DEFAULT_MANAGEMENT_KEY[at] ?? 0) >> 1),
    )
}

export function managementAlgorithmOf(id: number): ManagementAlgorithm | undefined {
    return (["3des", "aes128", "aes192", "aes256"] as const).find((name) => MANAGEMENT_CIPHERS[name].id === id)
}

/** One block or several, each by itself. */
export function encryptBlocks(algorithm: ManagementAlgorithm, key: Secret, blocks: Uint8Array): Buffer {
    const { cipher } = MANAGEMENT_CIPHERS[algorithm]
    return key.reveal((bytes) => createCipheriv(cipher, bytes, null).setAutoPadding(false).update(blocks))
}

export function decryptBlocks(algorithm: ManagementAlgorithm, key: Secret, blocks: Uint8Array): Buffer {
    const { cipher } = MANAGEMENT_CIPHERS[algorithm]
    return key.reveal((bytes) => createDecipheriv(cipher, bytes, null).setAutoPadding(false).update(blocks))
}

/** @throws management_key_incorrect: it cannot be the key, and the card is not asked */
export function checkKeyLength(algorithm: ManagementAlgorithm, key: Secret): void {
    const { keyLength } = MANAGEMENT_CIPHERS[algorithm]
    if (key.length === keyLength) return
    throw new TrustkeyError(
        "management_key_incorrect",
        `this cannot be the management key: the card's is ${NAMES[algorithm]}, of ${keyLength} bytes, and this has ${key.length}`,
    )
}

export function keyRefused(algorithm: ManagementAlgorithm, mayBeTouch: boolean): TrustkeyError {
    const touch = mayBeTouch ? ", or the card was not touched in time" : ""
    // Who has the right one and is refused elsewhere reads this: the tools of that age know 3DES only.
    const age = algorithm === "3des" ? "" : "; yubico-piv-tool and ykcs11 before 2.3 take it for 3DES and fail whatever it is"
    return new TrustkeyError(
        "management_key_incorrect",
        `the management key is not right${touch} (the card's is ${NAMES[algorithm]}${age})`,
    )
}

/** The card needs 3DES from us because it can't say what it has, and says that it has another kind. */
export function kindRefused(): TrustkeyError {
    return new TrustkeyError(
        "management_key_incorrect",
        "the card has another kind of management key than 3DES and can't say which; set one again with a newer tool (ykman)",
    )
}

/** `3132…` as a person types it → the bytes. Never a string. @throws management_key_incorrect */
export function decodeHex(text: Secret): Secret {
    return text.reveal((digits) => {
        const bytes = secretBytes(Math.floor(digits.length / 2))
        for (const [at, digit] of digits.entries()) {
            const value = digitOf(digit)
            if (value === undefined || digits.length % 2 !== 0) {
                bytes.fill(0)
                throw new TrustkeyError(
                    "management_key_incorrect",
                    "this cannot be a management key: it is 32, 48 or 64 hexadecimal digits",
                )
            }
            const place = at >> 1
            bytes[place] = ((bytes[place] ?? 0) << 4) | value
        }
        return new Secret(bytes)
    })
}

function digitOf(character: number): number | undefined {
    if (character >= 0x30 && character <= 0x39) return character - 0x30
    const letter = character & 0xdf
    return letter >= 0x41 && letter <= 0x46 ? letter - 0x37 : undefined
}
