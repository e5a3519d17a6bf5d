import { createDecipheriv, createPrivateKey, createPublicKey, type KeyObject, privateDecrypt } from "node:crypto"
import type { Mechanism } from "pkcs11js"
import type { PublicKeyBytes } from "../../crypto/index.ts"
import {
    CKF_WRAP,
    CKM_AES_CBC,
    CKM_AES_CBC_PAD,
    CKM_AES_ECB,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP,
    CKM_AES_KEY_WRAP_PAD,
    CKM_DES3_CBC_PAD,
    CKM_RSA_PKCS,
    type MechanismFacts,
} from "./mechanisms.ts"

// RFC 3394 §2.2.3.1 and RFC 5649 §3
const KW_IV = Buffer.alloc(8, 0xa6)
const KWP_IV = Buffer.from("a65959a6", "hex")

/** One way to ask for a key: a mechanism, the kind of key that wraps, and how we would open what comes out. */
export type Way = {
    readonly mechanism: number
    readonly wrapping: "aes" | "des3" | "rsa"
    readonly parameter?: Buffer
    readonly open: (wrapped: Buffer, key: Buffer | KeyObject) => Buffer
}

const AES_IV = Buffer.alloc(16)
const DES_IV = Buffer.alloc(8)
export const WAYS: readonly Way[] = [
    { mechanism: CKM_AES_KEY_WRAP, wrapping: "aes", open: opener("id-aes256-wrap", KW_IV) },
    { mechanism: CKM_AES_KEY_WRAP_PAD, wrapping: "aes", open: opener("id-aes256-wrap-pad", KWP_IV) },
    { mechanism: CKM_AES_KEY_WRAP_KWP, wrapping: "aes", open: opener("id-aes256-wrap-pad", KWP_IV) },
    { mechanism: CKM_AES_CBC_PAD, wrapping: "aes", parameter: AES_IV, open: opener("aes-256-cbc", AES_IV) },
    { mechanism: CKM_AES_CBC, wrapping: "aes", parameter: AES_IV, open: opener("aes-256-cbc", AES_IV, false) },
    { mechanism: CKM_AES_ECB, wrapping: "aes", open: opener("aes-256-ecb", null, false) },
    { mechanism: CKM_DES3_CBC_PAD, wrapping: "des3", parameter: DES_IV, open: opener("des-ede3-cbc", DES_IV) },
    { mechanism: CKM_RSA_PKCS, wrapping: "rsa", open: openRsa },
]

function opener(cipher: string, iv: Buffer | null, padding = true): Way["open"] {
    return (wrapped, key) => {
        if (!Buffer.isBuffer(key)) throw new Error("another kind of key")
        const decipher = createDecipheriv(cipher, key, iv)
        decipher.setAutoPadding(padding)
        return Buffer.concat([decipher.update(wrapped), decipher.final()])
    }
}

function openRsa(wrapped: Buffer, key: Buffer | KeyObject): Buffer {
    if (Buffer.isBuffer(key)) throw new Error("another kind of key")
    return privateDecrypt({ key, padding: 1 }, wrapped)
}

/** The wrap mechanisms a token has: those with CKF_WRAP, and the usual ones whatever their flags say. */
export function wrapMechanisms(mechanisms: readonly MechanismFacts[]): readonly MechanismFacts[] {
    const usual = new Set([CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP, CKM_AES_CBC_PAD])
    return mechanisms.filter(({ mechanism, flags }) => (flags & CKF_WRAP) !== 0 || usual.has(mechanism))
}

export function mechanismOf({ mechanism, parameter }: Way): Mechanism {
    return parameter === undefined ? { mechanism } : { mechanism, parameter }
}

/** Whether `der`, PKCS#8, is the private half of this key. @throws whatever it is otherwise */
export function isPrivateHalf(der: Buffer, publicKey: PublicKeyBytes): boolean {
    const found = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })).export({ type: "spki", format: "der" })
    return Buffer.compare(found, publicKey.bytes) === 0
}
