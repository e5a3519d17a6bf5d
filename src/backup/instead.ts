import { canonicalKeyIds, type Gun, isDelegation, type KeyId, parentOf, ROOT, type RoleName, type RootDocument } from "../tuf/index.ts"
import type { Instead } from "./records.ts"

/** A key that lies on tokens alone, as far as it matters here. */
export type KeyOnTokens = {
    readonly id: KeyId
    readonly bindings: readonly { readonly gun: Gun; readonly role: RoleName }[]
    readonly copies?: readonly { readonly token: string; readonly serial: string }[]
}

/**
 * What brings back what this key signs for when its token is lost: docs/formats/backup.md, "A key". The writer says it in the backup, and a verifier comes
 * to the same.
 *
 * @param rootOf the newest complete root of a GUN's lineage in use
 */
export function insteadOf(key: KeyOnTokens, rootOf: (gun: Gun) => RootDocument | undefined): readonly Instead[] {
    const copies = (key.copies ?? []).map(({ token, serial }): Instead => ({ how: "copy", token, serial }))
    const ways = key.bindings.flatMap(({ gun, role }): readonly Instead[] => {
        if (role !== ROOT) return [{ how: "replace", gun, role, by: (isDelegation(role) ? parentOf(role) : undefined) ?? ROOT }]
        const root = rootOf(gun)
        const holders = root?.roles.get("root")
        if (root === undefined || holders === undefined) return []
        const keys = canonicalKeyIds(root.keys, holders.keyIds).filter((id) => id !== key.id)
        return keys.length < holders.threshold ? [] : [{ how: "holders", gun, keys: keys.toSorted(), threshold: holders.threshold }]
    })
    return [...copies, ...ways]
}
