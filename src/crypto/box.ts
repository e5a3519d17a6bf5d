import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto"

export const TAG_LENGTH = 16

const KEY_LENGTH = 32
const IV_LENGTH = 12

/**
 * Encrypt one message: AES-256-GCM with key and IV from HKDF-SHA-256. `salt` must make the pair (`secret`, `salt`) unique.
 * `context` is authenticated, and its hash goes into the derivation, so another context means another key as well.
 *
 * @returns ciphertext ‖ tag, `plain.length` + 16 bytes
 */
export function sealBox(secret: Uint8Array, salt: Uint8Array, context: Uint8Array, plain: Uint8Array): Buffer {
    return withKey(secret, salt, context, (key, iv) => {
        const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_LENGTH })
        cipher.setAAD(context)
        return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    })
}

/** @returns undefined when anything at all differs from what was sealed; the caller wipes what it gets */
export function openBox(secret: Uint8Array, salt: Uint8Array, context: Uint8Array, sealed: Uint8Array): Buffer | undefined {
    if (sealed.length < TAG_LENGTH) return undefined
    return withKey(secret, salt, context, (key, iv) => {
        const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_LENGTH })
        decipher.setAAD(context)
        decipher.setAuthTag(sealed.subarray(sealed.length - TAG_LENGTH))
        // GCM gives all of the text here and nothing in final(); joining the two would make one more copy to wipe.
        const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_LENGTH))
        try {
            decipher.final()
            return plain
        } catch {
            plain.fill(0)
            return undefined
        }
    })
}

/** HKDF-SHA-256 (RFC 5869) with the SHA-256 of `context` as info: node:crypto takes no info above 1024 bytes. */
export function derive(secret: Uint8Array, salt: Uint8Array, context: Uint8Array, length: number): Buffer {
    const info = createHash("sha256").update(context).digest()
    return Buffer.from(hkdfSync("sha256", secret, salt, info, length))
}

function withKey<T>(secret: Uint8Array, salt: Uint8Array, context: Uint8Array, use: (key: Buffer, iv: Buffer) => T): T {
    const material = derive(secret, salt, context, KEY_LENGTH + IV_LENGTH)
    try {
        return use(material.subarray(0, KEY_LENGTH), material.subarray(KEY_LENGTH))
    } finally {
        material.fill(0)
    }
}
