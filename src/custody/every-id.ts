import { type KeyId, readableKeyId } from "../tuf/index.ts"
import type { Authority } from "./check.ts"

/**
 * A key whose certificate is replaced has one ID in the root before and another in the new one. It signs once, and that counts for both:
 * the signature is listed under each of them.
 */
export function underEveryId<S extends { readonly keyId: KeyId }>(authorities: readonly Authority[], signed: readonly S[]): readonly S[] {
    // Within one role a key has one ID; that is checked when it is signed.
    if (authorities.length < 2) return signed
    const bareIds = new Map<KeyId, KeyId>()
    for (const { keys, keyIds } of authorities) {
        for (const id of keyIds) {
            const key = keys.get(id)
            const bareId = key === undefined ? undefined : readableKeyId(key)
            if (bareId !== undefined) bareIds.set(id, bareId)
        }
    }
    const listed = new Map(signed.map((signature) => [signature.keyId, signature]))
    for (const signature of signed) {
        const bareId = bareIds.get(signature.keyId)
        for (const [keyId, other] of bareIds) {
            if (other === bareId && !listed.has(keyId)) listed.set(keyId, { ...signature, keyId })
        }
    }
    return [...listed.values()]
}
