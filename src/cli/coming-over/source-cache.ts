import path from "node:path"
import { TrustkeyError } from "../../errors.ts"
import type { TrustCache } from "../../publish/index.ts"
import { ownFileMode, readBytes } from "../../storage/index.ts"
import { type Gun, type RoleName, TIMESTAMP } from "../../tuf/index.ts"

const MAX_FILE = 16 * 1024 * 1024

/** What a trust directory remembers of its repositories. It is somebody's: nothing is written there, and no link is followed. */
export function openSourceCache(directory: string): TrustCache {
    const neverWritten = (): Promise<never> =>
        Promise.reject(new TrustkeyError("internal", "a directory that keys come over from is only read"))
    const fileOf = (gun: Gun, role: RoleName): string => path.join(directory, "tuf", gun, "metadata", `${role}.json`)
    return {
        read: async (gun, role) => {
            const isFile = (await ownFileMode(fileOf(gun, role)))?.kind === "file"
            return isFile ? await readBytes(fileOf(gun, role), { maxBytes: MAX_FILE }) : undefined
        },
        keptSince: async (gun) => (await ownFileMode(fileOf(gun, TIMESTAMP)))?.modified,
        write: neverWritten,
        remove: neverWritten,
    }
}
