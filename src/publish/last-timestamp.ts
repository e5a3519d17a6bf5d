import { TrustkeyError } from "../errors.ts"
import type { MetadataSource } from "./fetch-repository.ts"

/** One for each publication: of more than these nobody else has told the daemon. */
const MOST_STEPS = 4096

/**
 * A source for whoever is about to replace a server's keys. Asked for its timestamp, a server that has lost the key to make another one
 * fails when the last has expired, and still has all that it made before by their versions. The newest of those says what is published, to be
 * verified like any other; that it is old it can't deny.
 *
 * @param known a version of the timestamp that was seen before
 */
export function withLastTimestamp(server: MetadataSource, known: number): MetadataSource {
    const last = async (gun: Parameters<MetadataSource["get"]>[0], maxBytes: number | undefined): Promise<Buffer | undefined> => {
        let newest: Buffer | undefined
        for (let version = Math.max(1, known); version < known + MOST_STEPS; version += 1) {
            const next = await server.get(gun, `${version}.timestamp`, maxBytes)
            if (next === undefined) return newest
            newest = next
        }
        return newest
    }
    return {
        url: server.url,
        get: async (gun, name, maxBytes) => {
            try {
                return await server.get(gun, name, maxBytes)
            } catch (error) {
                if (name !== "timestamp" || !(error instanceof TrustkeyError) || error.code !== "server_error") throw error
                const found = await last(gun, maxBytes)
                if (found === undefined) throw error
                return found
            }
        },
    }
}
