import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import type { TrustCache } from "../../publish/index.ts"
import { ownFileMode, readBytes } from "../../storage/index.ts"

const MAX_FILE = 16 * 1024 * 1024

/** What a trust directory remembers of its repositories. It is somebody's: nothing is written there, and no link is followed. */
export function openSourceCache(directory: string): TrustCache {
    const neverWritten = (): Promise<never> =>
        Promise.reject(new TrustkeyError("internal", "a directory that keys come over from is only read"))
    return {
        read: async (gun, role) => {
            const file = path.join(directory, "tuf", gun, "metadata", `${role}.json`)
            const isFile = (await ownFileMode(file))?.kind === "file"
            return isFile ? await readBytes(file, { maxBytes: MAX_FILE }) : undefined
        },
        write: neverWritten,
        remove: neverWritten,
    }
}
