import { type Scheme, verify } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { bareKey, type KeyId, keyIdOf, type TufKey } from "./key.ts"
import type { KeyRole } from "./metadata.ts"
import type { SignedMetadata } from "./signed.ts"

/** `method` in lower case. `sig`: r‖s for ecdsa, as made otherwise. */
export type Signature = { readonly keyId: KeyId; readonly method: string; readonly sig: Uint8Array }

const METHODS: ReadonlyMap<string, { readonly scheme: Scheme; readonly keytype: string }> = new Map([
    ["ecdsa", { scheme: "ecdsa", keytype: "ecdsa" }],
    ["rsapss", { scheme: "rsapss", keytype: "rsa" }],
    // Accepted by Notary, never made.
    ["rsapkcs1v15", { scheme: "rsapkcs1v15", keytype: "rsa" }],
    ["eddsa", { scheme: "eddsa", keytype: "ed25519" }],
])

export function isKnownMethod(method: string): boolean {
    return METHODS.has(method)
}

/** Whether `signature` is `key`'s over `bytes`, by a method that goes with the key. Never throws for what a stranger wrote. */
export function verifySignature(key: TufKey, bytes: Uint8Array, signature: Signature): boolean {
    const method = METHODS.get(signature.method)
    if (method === undefined || key.keytype.replace("-x509", "") !== method.keytype) return false
    try {
        return verify(bareKey(key), method.scheme, bytes, signature.sig)
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

/**
 * Count the keys of `role` that signed. Signatures by other keys and bad ones are passed over, as Notary does; a key counts once.
 * `whose` keys they are is for the message.
 *
 * @throws verification_failed when they are fewer than the threshold, or a key is filed under an ID that is not its own.
 */
export function verifyThreshold(
    signed: SignedMetadata,
    signatures: readonly Signature[],
    keys: ReadonlyMap<KeyId, TufKey>,
    role: KeyRole,
    whose = "its",
): { readonly valid: readonly KeyId[] } {
    const valid = new Set<KeyId>()
    const trusted = new Set(role.keyIds)
    for (const signature of signatures) {
        const key = trusted.has(signature.keyId) ? keys.get(signature.keyId) : undefined
        if (key === undefined || valid.has(signature.keyId)) continue
        if (keyIdOf(key) !== signature.keyId) {
            throw new TrustkeyError("verification_failed", `${signed.role}: the key filed as ${signature.keyId} is another one`)
        }
        if (verifySignature(key, signed.bytes, signature)) valid.add(signature.keyId)
    }
    if (valid.size < role.threshold || valid.size === 0) {
        const subject = `${signed.role} version ${signed.document.version}`
        throw new TrustkeyError(
            "verification_failed",
            `${subject}: ${valid.size} valid signatures by ${whose} keys, ${role.threshold} are needed`,
        )
    }
    return { valid: [...valid] }
}
