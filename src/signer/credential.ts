import { closeSync, constants as fsConstants, fstatSync, openSync, readSync } from "node:fs"
import path from "node:path"
import { Secret, secretBytes } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"

// What systemd allows for a credential's name; also keeps it inside its directory.
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/
const MAX_SIZE = 64 * 1024

/** Whether `name` can be the name of a credential. */
export function isCredentialName(name: string): boolean {
    return NAME.test(name)
}

/**
 * Whether `readCredential` would read it; its content is not looked at.
 *
 * @throws as readCredential
 */
export function checkCredential(directory: string | undefined, name: string): void {
    closeSync(openCredential(directory, name).file)
}

/**
 * Read a secret the service manager placed. One trailing newline is dropped; the bytes were never a string.
 *
 * @throws file_unsafe: others can read or change it. not_found: it is not there, or no directory was given.
 */
export function readCredential(directory: string | undefined, name: string): Secret {
    const { file, size } = openCredential(directory, name)
    try {
        const bytes = secretBytes(size)
        let length = 0
        while (length < size) {
            const read = readSync(file, bytes, length, size - length, null)
            if (read === 0) break
            length += read
        }
        if (length > 0 && bytes[length - 1] === 0x0a) length -= 1
        const secret = secretBytes(length)
        bytes.copy(secret, 0, 0, length)
        bytes.fill(0)
        if (length === 0) throw empty(name)
        return new Secret(secret)
    } finally {
        closeSync(file)
    }
}

function openCredential(directory: string | undefined, name: string): { readonly file: number; readonly size: number } {
    if (!isCredentialName(name)) throw new TrustkeyError("invalid_request", "the credential's name is not one")
    const file = directory === undefined ? undefined : openFile(path.join(directory, name))
    if (file === undefined)
        throw new TrustkeyError("not_found", `the credential ${name} is not there: LoadCredential= in the unit brings it`)
    try {
        const { mode, uid, gid, size } = fstatSync(file)
        checkOwnership(name, mode, uid, gid)
        if (size > MAX_SIZE) throw new TrustkeyError("file_unsafe", `the credential ${name} is over ${MAX_SIZE} bytes`)
        if (size === 0) throw empty(name)
        return { file, size }
    } catch (error) {
        closeSync(file)
        throw error
    }
}

function empty(name: string): TrustkeyError {
    return new TrustkeyError("file_unsafe", `the credential ${name} is empty`)
}

function openFile(file: string): number | undefined {
    try {
        return openSync(file, fsConstants.O_RDONLY | fsConstants.O_NOFOLLOW | fsConstants.O_NONBLOCK)
    } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
        throw new TrustkeyError("file_unsafe", "the credential cannot be read", { cause: error })
    }
}

function checkOwnership(name: string, mode: number, uid: number, gid: number): void {
    const own = process.getuid?.()
    const regular = (mode & 0o170000) === 0o100000
    // systemd gives a service its credential as root:root 0440: the group bits are the mask of an ACL that names the service alone.
    const aclMask = uid === 0 && gid === 0 ? 0o040 : 0
    if (!regular || (uid !== 0 && uid !== own) || (mode & 0o077 & ~aclMask) !== 0) {
        throw new TrustkeyError("file_unsafe", `the credential ${name} can be read or changed by others; it must have mode 0400 or 0600`)
    }
}
