import path from "node:path"
import { TrustkeyError } from "../errors.ts"
import { fileMode, listDirectory, makeDirectory, readBytes, removeFile, writeFileDurable } from "../storage/index.ts"
import { type Gun, parseRoleName, type RoleName, TIMESTAMP } from "../tuf/index.ts"

/** The metadata last verified, in docker's layout, so that docker and notary go on from where we were and we from where they were. */
export interface TrustCache {
    /** @throws storage_failed, payload_too_large (16 MiB) */
    read(gun: Gun, role: RoleName): Promise<Buffer | undefined>
    /** When its newest file was kept: the timestamp, which changes with every other. Undefined: there is none. @throws storage_failed */
    keptSince(gun: Gun): Promise<Date | undefined>
    /** Only what was verified belongs here. @throws storage_failed */
    write(gun: Gun, role: RoleName, content: Uint8Array): Promise<void>
    /** Forget a repository, the trust in its root included: the next contact is the first one again. @throws storage_failed */
    remove(gun: Gun): Promise<void>
}

const MAX_FILE = 16 * 1024 * 1024

/** `directory` is `<docker config>/trust`; files lie in `tuf/<GUN>/metadata/<role>.json`, 0600 in 0700. */
export function openTrustCache(directory: string): TrustCache {
    const folder = (gun: Gun): string => path.join(directory, "tuf", gun, "metadata")
    const fileOf = (gun: Gun, role: RoleName): string => path.join(folder(gun), `${role}.json`)
    return {
        read: async (gun, role) => await readBytes(fileOf(gun, role), { maxBytes: MAX_FILE }),
        write: async (gun, role, content) => {
            const file = fileOf(gun, role)
            await makeDirectory(path.dirname(file), 0o700)
            await writeFileDurable(file, content, 0o600)
        },
        keptSince: async (gun) => (await fileMode(fileOf(gun, TIMESTAMP)))?.modified,
        remove: async (gun) => {
            // The root last: without it, what is left behind would be held against a new repository's files.
            const roles = await rolesBelow(folder(gun), "")
            for (const role of roles.filter((name) => name !== "root")) await removeFile(fileOf(gun, role))
            await removeFile(fileOf(gun, parseRoleName("root")))
        },
    }
}

async function rolesBelow(directory: string, prefix: string): Promise<RoleName[]> {
    const roles: RoleName[] = []
    for (const name of await namesIn(directory)) {
        const below = path.join(directory, name)
        if ((await fileMode(below))?.kind === "directory") roles.push(...(await rolesBelow(below, `${prefix}${name}/`)))
        else if (name.endsWith(".json")) roles.push(...roleNamed(`${prefix}${name.slice(0, -".json".length)}`))
    }
    return roles
}

function roleNamed(text: string): RoleName[] {
    try {
        return [parseRoleName(text)]
    } catch (error) {
        if (error instanceof TrustkeyError) return []
        throw error
    }
}

async function namesIn(directory: string): Promise<string[]> {
    try {
        return await listDirectory(directory)
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "not_found") return []
        throw error
    }
}
