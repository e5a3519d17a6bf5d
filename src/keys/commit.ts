import { TrustkeyError } from "../errors.ts"
import { Conflict, type Store } from "../storage/index.ts"

/** @throws already_exists: what was read is not what is stored. storage_failed */
export async function commit(
    store: Store,
    changes: Parameters<Store["commit"]>[0],
    onConflict = () => "the key was changed by somebody else meanwhile",
): Promise<void> {
    try {
        await store.commit(changes)
    } catch (error) {
        if (error instanceof Conflict) throw new TrustkeyError("already_exists", onConflict(), { cause: error })
        throw error
    }
}
