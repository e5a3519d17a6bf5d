import { closeSync, constants, openSync } from "node:fs"
import path from "node:path"
import { TrustkeyError } from "../errors.ts"
import { type FileFacts, fileMode, makeDirectory } from "./files.ts"
import { lockExclusively } from "./flock.ts"

export type StateLock = {
    /** Another process may have the directory now. Releasing again does nothing. */
    release(): Promise<void>
}

/**
 * Take the state directory for this process alone, until it is released or the process is gone: kill -9 leaves nothing behind. The
 * directory is made, mode 0700, when it isn't there.
 *
 * @throws state_in_use: another process has it.
 * @throws file_unsafe: it isn't a directory, belongs to somebody else, or others may enter it.
 * @throws storage_failed
 */
export async function lockStateDirectory(directory: string): Promise<StateLock> {
    const facts = await madeDirectory(directory)
    const uid = process.geteuid?.()
    if (facts?.kind !== "directory") throw unsafe(directory, "is not a directory: move away what is there")
    if (facts.uid !== uid) throw unsafe(directory, `belongs to uid ${facts.uid}, and the daemon runs as uid ${uid}: run it as the owner`)
    if ((facts.mode & 0o077) !== 0) throw unsafe(directory, "can be entered by others: make it mode 0700")
    return lockFile(path.join(directory, "lock"), directory)
}

/**
 * Take a directory of somebody's own, of whatever mode, for this process: nothing is put into it. It ends with the process.
 *
 * @returns undefined: another process has it
 * @throws not_found, storage_failed
 */
export function lockDirectory(directory: string): StateLock | undefined {
    let descriptor: number
    try {
        descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    } catch (error) {
        throw new TrustkeyError("not_found", `${directory} is no directory that can be opened`, { cause: error })
    }
    try {
        if (lockExclusively(descriptor)) return releaseOf(descriptor)
    } catch (error) {
        closeSync(descriptor)
        throw new TrustkeyError("storage_failed", `${directory} cannot be locked`, { cause: error })
    }
    closeSync(descriptor)
    return undefined
}

async function madeDirectory(directory: string): Promise<FileFacts | undefined> {
    try {
        const facts = await fileMode(directory)
        if (facts !== undefined) return facts
        await makeDirectory(directory, 0o700)
        return await fileMode(directory)
    } catch (error) {
        throw unusable(directory, "made", error)
    }
}

function unsafe(directory: string, what: string): TrustkeyError {
    return new TrustkeyError("file_unsafe", `the state directory ${directory} ${what}`)
}

function unusable(directory: string, what: string, cause: unknown): TrustkeyError {
    const root = cause instanceof TrustkeyError ? cause.cause : cause
    const code = root instanceof Error && "code" in root ? String(root.code) : "unknown reason"
    const uid = process.geteuid?.()
    const message = `the state directory ${directory} cannot be ${what}: ${code}; it and what is in it must be those of uid ${uid}, on a disk that can be written`
    return new TrustkeyError("storage_failed", message, { cause })
}

function lockFile(file: string, directory: string): StateLock {
    let descriptor: number
    try {
        // A number and no FileHandle: a handle that is forgotten is closed. Node opens with O_CLOEXEC, so a signer
        // process does not keep the lock.
        descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    } catch (error) {
        throw unusable(directory, "locked", error)
    }
    let locked = false
    try {
        locked = lockExclusively(descriptor)
    } catch (error) {
        throw unusable(directory, "locked", error)
    } finally {
        if (!locked) closeSync(descriptor)
    }
    if (!locked) throw new TrustkeyError("state_in_use", `another trustkeyd uses the state directory ${directory}: stop it first`)
    // The file stays: removing it would let two processes lock two files of one name.
    return releaseOf(descriptor)
}

function releaseOf(descriptor: number): StateLock {
    let held = true
    return {
        release: async () => {
            if (!held) return
            held = false
            closeSync(descriptor)
        },
    }
}
