import { TrustkeyError } from "../errors.ts"
import { canonicalKeyIdOf, type KeyId, type TufKey } from "./key.ts"

/** The canonical ID. Others' metadata may list a key that nobody can read: it has none, and counts for nothing. */
export function readableKeyId(key: TufKey): KeyId | undefined {
    try {
        return canonicalKeyIdOf(key)
    } catch (error) {
        if (error instanceof TrustkeyError) return undefined
        throw error
    }
}

/** What a role lists by ID, as far as its document has it. */
export function listedKeys(keys: ReadonlyMap<KeyId, TufKey>, ids: readonly KeyId[] = []): readonly TufKey[] {
    return ids.flatMap((id) => keys.get(id) ?? [])
}

/** The same by canonical ID, without those that can't be read: two certificates of one key are one holder. */
export function canonicalKeyIds(keys: ReadonlyMap<KeyId, TufKey>, ids: readonly KeyId[] = []): readonly KeyId[] {
    return [...new Set(listedKeys(keys, ids).flatMap((key) => readableKeyId(key) ?? []))]
}
