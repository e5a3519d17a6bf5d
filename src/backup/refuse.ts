import { TrustkeyError } from "../errors.ts"

/** Why a backup can't be as it is. Whoever knows the place puts it in front. */
export function refuse(problem: string): never {
    throw new TrustkeyError("backup_invalid", problem)
}

/** What `look` returns; what it refuses, or another room refuses in these bytes, is refused as what is wrong at `place`. */
export function at<T>(place: string, look: () => T): T {
    try {
        return look()
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code === "internal") throw error
        // What a newer program wrote is not damaged.
        const code = error.code === "state_newer" ? error.code : "backup_invalid"
        throw new TrustkeyError(code, `${place}: ${error.message}`, { cause: error })
    }
}
