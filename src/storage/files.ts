import { randomBytes } from "node:crypto"
import { constants, rmSync, type Stats } from "node:fs"
import { type FileHandle, lstat, mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs, unlink } from "node:fs/promises"
import path from "node:path"
import { TrustkeyError } from "../errors.ts"

export type ReadOptions = {
    readonly maxBytes?: number
    /** Nothing else than a regular file is read: nobody waits for the writer of a FIFO. */
    readonly onlyFiles?: boolean
}

export type FileFacts = {
    /** The permission bits, 0 to 0o7777 */
    readonly mode: number
    readonly uid: number
    readonly gid: number
    readonly size: number
    /** When its content was last changed */
    readonly modified: Date
    readonly kind: "file" | "directory" | "link" | "socket" | "other"
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const PIECE_BYTES = 256 * 1024
const MAX_SECRET_BYTES = 64 * 1024

/**
 * UTF-8 text; a byte order mark is kept.
 *
 * @throws not_found, payload_too_large, invalid_request (not UTF-8), storage_failed
 */
export async function readTextFile(file: string, options: ReadOptions = {}): Promise<string> {
    const bytes = await readBytes(file, options)
    if (bytes === undefined) throw new TrustkeyError("not_found", `${file} does not exist`)
    return decodeText(bytes, file)
}

function decodeText(bytes: Uint8Array, file: string): string {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch (error) {
        throw new TrustkeyError("invalid_request", `${file} is not UTF-8 text`, { cause: error })
    }
}

/**
 * A whole file of at most `maxBytes` (64 MiB). Undefined: it is not there.
 *
 * @throws payload_too_large, storage_failed, file_unsafe (with `onlyFiles`)
 */
export async function readBytes(file: string, options: ReadOptions = {}): Promise<Buffer | undefined> {
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    try {
        await using handle = await openUnlessMissing(file, options.onlyFiles === true ? constants.O_NONBLOCK : 0)
        if (handle === undefined) return undefined
        const facts = await handle.stat()
        if (options.onlyFiles === true && !facts.isFile()) throw new TrustkeyError("file_unsafe", `${file} is not a regular file`)
        if (facts.size > maxBytes) throw tooLarge(file, maxBytes)
        // The size is 0 in /proc and for a pipe, and a file may grow: what counts is what is read.
        const chunks: Buffer[] = []
        let total = 0
        for await (const chunk of handle.createReadStream({ autoClose: false })) {
            if (!Buffer.isBuffer(chunk)) continue
            chunks.push(chunk)
            total += chunk.length
            if (total > maxBytes) throw tooLarge(file, maxBytes)
        }
        return Buffer.concat(chunks)
    } catch (error) {
        throw asStorageError(error, `${path.basename(file)} cannot be read`)
    }
}

/**
 * A file of any length, piece by piece as it is asked for; a pipe too.
 *
 * @throws not_found, storage_failed
 */
export async function* readPieces(file: string): AsyncGenerator<Buffer> {
    try {
        await using handle = await openUnlessMissing(file)
        if (handle === undefined) throw new TrustkeyError("not_found", `${file} does not exist`)
        if ((await handle.stat()).isDirectory()) throw new TrustkeyError("invalid_request", `${file} is a directory`)
        for await (const piece of handle.createReadStream({ autoClose: false, highWaterMark: PIECE_BYTES })) {
            if (Buffer.isBuffer(piece)) yield piece
        }
    } catch (error) {
        throw asStorageError(error, `${path.basename(file)} cannot be read`)
    }
}

/**
 * TK-SEC-1: a credential, as bytes that never become a string. At most `maxBytes` (64 KiB); one newline at the end is dropped, for editors and `echo`
 * put it there. The caller owns the Buffer, which shares its memory with no other, and wipes it.
 *
 * @throws not_found, payload_too_large, storage_failed
 * @throws file_unsafe: not a regular file, not ours or root's, or others may read it
 */
export async function readSecretFile(file: string, options: ReadOptions = {}): Promise<Buffer> {
    const maxBytes = options.maxBytes ?? MAX_SECRET_BYTES
    // One byte more shows that a file is too large. Not from the shared pool, where it could not be wiped for certain.
    const whole = Buffer.alloc(maxBytes + 1)
    try {
        // A FIFO would keep a blocking open waiting for its writer.
        await using handle = await openUnlessMissing(file, constants.O_NONBLOCK)
        if (handle === undefined) throw new TrustkeyError("not_found", `${file} does not exist`)
        await checkSecretFile(handle, file)
        let length = 0
        while (length < whole.length) {
            const { bytesRead } = await handle.read(whole, length, whole.length - length, null)
            if (bytesRead === 0) break
            length += bytesRead
        }
        if (length > maxBytes) throw tooLarge(file, maxBytes)
        if (length > 0 && whole[length - 1] === 0x0a) length -= 1
        // Not Buffer.alloc: what is short would lie in the runtime's heap, which leaves copies behind.
        const secret = Buffer.from(new ArrayBuffer(length))
        whole.copy(secret, 0, 0, length)
        return secret
    } catch (error) {
        throw asStorageError(error, `${path.basename(file)} cannot be read`)
    } finally {
        whole.fill(0)
    }
}

async function checkSecretFile(handle: FileHandle, file: string): Promise<void> {
    // Of the open file, so that nobody can exchange it between the check and the reading.
    const facts = await handle.stat()
    if (!facts.isFile()) throw new TrustkeyError("file_unsafe", `${file} is not a regular file`)
    const uid = process.geteuid?.()
    if (facts.uid !== uid && facts.uid !== 0) throw new TrustkeyError("file_unsafe", `${file} belongs to another user`)
    // systemd lets a service read its credentials through an ACL: then they are root:root and 0440, the group bits being the
    // ACL's mask and no permission of a group.
    const tolerated = facts.uid === 0 && facts.gid === 0 ? 0o040 : 0
    if ((facts.mode & 0o077 & ~tolerated) !== 0) {
        throw new TrustkeyError("file_unsafe", `${file} can be read or changed by others; make it mode 0600 or 0400`)
    }
}

/**
 * A file that decides what we trust: only root or we ourselves may be able to change it. UTF-8 text; undefined: it is not there.
 *
 * @throws file_unsafe: not a regular file, somebody else's, or others may write it
 * @throws payload_too_large, invalid_request (not UTF-8), storage_failed
 */
export async function readOwnText(file: string, maxBytes: number): Promise<string | undefined> {
    try {
        // A FIFO would keep a blocking open waiting for its writer.
        await using handle = await openUnlessMissing(file, constants.O_NONBLOCK)
        if (handle === undefined) return undefined
        // Of the open file, so that nobody can exchange it between the check and the reading.
        const facts = await handle.stat()
        if (!facts.isFile()) throw new TrustkeyError("file_unsafe", `${file} is not a regular file`)
        if (facts.uid !== process.geteuid?.() && facts.uid !== 0) throw new TrustkeyError("file_unsafe", `${file} belongs to another user`)
        if ((facts.mode & 0o022) !== 0) {
            throw new TrustkeyError("file_unsafe", `${file} can be written by others; take that away with chmod go-w`)
        }
        if (facts.size > maxBytes) throw tooLarge(file, maxBytes)
        return decodeText(await handle.readFile(), file)
    } catch (error) {
        throw asStorageError(error, `${path.basename(file)} cannot be read`)
    }
}

/**
 * Put `content` in the place of `file`: the old content or the new, never a part, whatever happens. When it resolves, the
 * new one is on stable storage.
 *
 * @throws storage_failed: the old file is as it was, except after a failing sync of the directory
 */
export async function writeFileDurable(
    file: string,
    content: Uint8Array | string,
    mode: number,
    owner: { readonly uid?: number; readonly gid?: number } = {},
): Promise<void> {
    const directory = path.dirname(file)
    const temporary = path.join(directory, `.${path.basename(file)}.${randomBytes(8).toString("hex")}.tmp`)
    try {
        await using handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
        try {
            await handle.writeFile(content)
            // -1 leaves it as it is: chown(2). Before the mode, of which it may take bits away.
            if (owner.uid !== undefined || owner.gid !== undefined) await handle.chown(owner.uid ?? -1, owner.gid ?? -1)
            // Not by open: the umask may take bits away there.
            await handle.chmod(mode)
            await handle.sync()
            await rename(temporary, file)
        } catch (error) {
            await unlink(temporary).catch(() => {})
            throw error
        }
        await syncDirectory(directory)
    } catch (error) {
        throw asStorageError(error, `${path.basename(file)} cannot be written`)
    }
}

/** The same for a file that is there: whose it is, and its mode, stay. @throws not_found, storage_failed */
export async function replaceFile(file: string, content: Uint8Array | string): Promise<void> {
    const facts = await fileMode(file)
    if (facts === undefined) throw new TrustkeyError("not_found", `${file} does not exist`)
    await writeFileDurable(file, content, facts.mode, facts)
}

/**
 * A new file, on stable storage when it resolves. What has the name already stays as it is, a dangling symbolic link too.
 *
 * @throws already_exists, storage_failed: nothing of ours is left there
 */
export async function createFileDurable(file: string, content: Uint8Array, mode: number): Promise<void> {
    try {
        await using handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
        try {
            await handle.writeFile(content)
            await handle.chmod(mode)
            await handle.sync()
            await syncDirectory(path.dirname(file))
        } catch (error) {
            await unlink(file).catch(() => {})
            throw error
        }
    } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EEXIST")
            throw new TrustkeyError("already_exists", `${file} exists already`, { cause: error })
        throw asStorageError(error, `${path.basename(file)} cannot be written`)
    }
}

/** Names in a directory, sorted. @throws not_found, storage_failed */
export async function listDirectory(directory: string): Promise<string[]> {
    try {
        return (await readdir(directory)).sort()
    } catch (error) {
        if (isMissing(error)) throw new TrustkeyError("not_found", "the directory does not exist", { cause: error })
        throw asStorageError(error, "a directory cannot be read")
    }
}

/** Gone for good when it resolves; not there is fine. @throws storage_failed */
export async function removeFile(file: string): Promise<void> {
    try {
        await unlink(file)
        await syncDirectory(path.dirname(file))
    } catch (error) {
        if (isMissing(error)) return
        throw asStorageError(error, `${path.basename(file)} cannot be removed`)
    }
}

/** Make a directory and those above it; one that is there stays as it is, its mode too. @throws storage_failed */
export async function makeDirectory(directory: string, mode: number): Promise<void> {
    try {
        const first = await makeMissing(path.resolve(directory), mode)
        // Every new name lives in the directory above it.
        if (first === undefined) return
        for (let made = path.resolve(directory); ; made = path.dirname(made)) {
            await syncDirectory(path.dirname(made))
            if (made === path.resolve(first) || made === path.dirname(made)) return
        }
    } catch (error) {
        throw asStorageError(error, "a directory cannot be made")
    }
}

/** Node's own (`recursive`) never ends where a directory that is there takes none, as /proc. @returns the first that was made */
async function makeMissing(directory: string, mode: number): Promise<string | undefined> {
    const missing: string[] = []
    for (let at = directory; (await fileMode(at)) === undefined; at = path.dirname(at)) missing.unshift(at)
    if (missing.length === 0 && (await fileMode(directory))?.kind !== "directory") missing.push(directory)
    for (const at of missing) {
        await mkdir(at, { mode }).catch((error: unknown) => {
            // Somebody was faster.
            if (at === directory || !(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
        })
    }
    return missing[0]
}

export type TemporaryDirectory = AsyncDisposable & { readonly path: string }

/** A directory of our own (0700) under `parent`, which goes with everything in it, or with the process. @throws storage_failed */
export async function makeTemporaryDirectory(parent: string): Promise<TemporaryDirectory> {
    try {
        const made = await mkdtemp(path.join(path.resolve(parent), "trustkey-"))
        // A signal may end us where nobody gets to dispose of it.
        const atExit = (): void => rmSync(made, { recursive: true, force: true })
        process.once("exit", atExit)
        const dispose = async (): Promise<void> => {
            await rm(made, { recursive: true, force: true })
            process.off("exit", atExit)
        }
        return { path: made, [Symbol.asyncDispose]: dispose }
    } catch (error) {
        throw asStorageError(error, "a temporary directory cannot be made")
    }
}

/** statfs(2): tmpfs, ramfs */
const KEPT_IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6]

/** Whether what is written in a directory stays in memory. One that isn't there does not. */
export async function isInMemory(directory: string): Promise<boolean> {
    try {
        return KEPT_IN_MEMORY.includes((await statfs(directory)).type)
    } catch {
        return false
    }
}

/** Follows symbolic links. Undefined: it is not there. @throws storage_failed */
export async function fileMode(file: string): Promise<FileFacts | undefined> {
    return await factsOf(file, stat)
}

/** Of what has the name itself: a symbolic link is of kind "link". Undefined: it is not there. @throws storage_failed */
export async function ownFileMode(file: string): Promise<FileFacts | undefined> {
    return await factsOf(file, lstat)
}

async function factsOf(file: string, look: (file: string) => Promise<Stats>): Promise<FileFacts | undefined> {
    try {
        const facts = await look(file)
        return { mode: facts.mode & 0o7777, uid: facts.uid, gid: facts.gid, size: facts.size, modified: facts.mtime, kind: kindOf(facts) }
    } catch (error) {
        if (isMissing(error)) return undefined
        throw asStorageError(error, `${path.basename(file)} cannot be examined`)
    }
}

function kindOf(facts: Stats): FileFacts["kind"] {
    if (facts.isFile()) return "file"
    if (facts.isDirectory()) return "directory"
    if (facts.isSymbolicLink()) return "link"
    return facts.isSocket() ? "socket" : "other"
}

/** fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing the file has also reached disk." */
export async function syncDirectory(directory: string): Promise<void> {
    await using handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    await handle.sync()
}

async function openUnlessMissing(file: string, flags = 0): Promise<FileHandle | undefined> {
    try {
        return await open(file, constants.O_RDONLY | flags)
    } catch (error) {
        if (isMissing(error)) return undefined
        throw error
    }
}

function isMissing(error: unknown): boolean {
    return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")
}

function tooLarge(file: string, maxBytes: number): TrustkeyError {
    return new TrustkeyError("payload_too_large", `${path.basename(file)} is over ${maxBytes} bytes`)
}

/** The system's words, without the path they end in: that is for the log. */
export function asStorageError(error: unknown, message: string): TrustkeyError {
    if (error instanceof TrustkeyError) return error
    const code = error instanceof Error && "code" in error ? `: ${String(error.code)}` : ""
    return new TrustkeyError("storage_failed", `${message}${code}`, { cause: error })
}
