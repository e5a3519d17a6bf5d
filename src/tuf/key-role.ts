import { type Fields, type Purpose, reject, toInteger } from "./fields.ts"
import type { Json } from "./json.ts"
import { canonicalKeyIdOf, isUsableKey, type KeyId, readKeyIds, type TufKey } from "./key.ts"
import type { KeyRole } from "./metadata.ts"

// As many as a file may have signatures. Each certificate among them is parsed.
const MAX_KEYS = 256

/** `threshold` and `keyids` of a role whose keys are all in `keys`. */
export function readKeyRole(fields: Fields, where: string, keys: ReadonlyMap<KeyId, TufKey>, purpose: Purpose): KeyRole {
    const keyIds = readKeyIds(purpose === "sign" ? fields.get("keyids") : fields.find("keyids"), `${where} keyids`)
    const threshold = toInteger(fields.get("threshold"), `${where} threshold`, 1)
    for (const id of keyIds) if (!keys.has(id)) reject(where, `its key ${id} is not among the keys`)
    // Notary writes such roles (a delegation that lost its keys) and bears them: nothing can be signed for them.
    if (purpose === "sign") checkSatisfiable({ keyIds, threshold }, where, keys)
    return { keyIds, threshold }
}

function checkSatisfiable(role: KeyRole, where: string, keys: ReadonlyMap<KeyId, TufKey>): void {
    const distinct = new Set(role.keyIds)
    if (distinct.size < role.keyIds.length) reject(where, "a key is listed twice")
    if (role.threshold > distinct.size) reject(where, `needs ${role.threshold} signatures and has ${distinct.size} keys`)
    if (distinct.size > MAX_KEYS) reject(where, `lists more than ${MAX_KEYS} keys`)
    const usable = [...distinct].flatMap((id) => keys.get(id) ?? []).filter(isUsableKey)
    // Verifiers count IDs, and a certificate has its own: one holder would count as two.
    if (new Set(usable.map(canonicalKeyIdOf)).size < usable.length) reject(where, "a key is listed twice, in two forms")
    if (usable.length < role.threshold) {
        reject(where, `needs ${role.threshold} signatures and has ${usable.length} keys that can be used`)
    }
}

export function keyRoleFields(role: KeyRole): [string, Json][] {
    return [
        ["keyids", role.keyIds],
        ["threshold", role.threshold],
    ]
}
