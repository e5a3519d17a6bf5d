import { randomBytes } from "node:crypto"
import { constants, rmSync } from "node:fs"
import { type FileHandle, open, rename, unlink } from "node:fs/promises"
import path from "node:path"
import { TrustkeyError } from "../errors.ts"
import { asStorageError, ownFileMode, syncDirectory } from "./files.ts"

/** Whether a name is one that a growing file has. */
export function isUnfinished(name: string): boolean {
    return /^\.trustkey-[0-9a-f]{16}\.unfinished$/.test(name)
}

/**
 * A new file that is written piece by piece, under a name that shows that it is not whole. Only `finish` gives it its own: whatever happens
 * before, a full disk too, nothing has a name that looks finished. Disposed of before that, it is gone.
 */
export class GrowingFile implements AsyncDisposable {
    readonly #directory: string
    readonly #temporary: string
    readonly #handle: FileHandle
    // A signal may end us where nobody gets to dispose of it.
    readonly #atExit = (): void => rmSync(this.#temporary, { force: true })
    #finished = false

    private constructor(directory: string, temporary: string, handle: FileHandle) {
        this.#directory = directory
        this.#temporary = temporary
        this.#handle = handle
        process.once("exit", this.#atExit)
    }

    /** @param directory where it will lie; what it will be called need not be known yet @throws storage_failed */
    static async begin(directory: string): Promise<GrowingFile> {
        const temporary = path.join(directory, `.trustkey-${randomBytes(8).toString("hex")}.unfinished`)
        try {
            const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
            return new GrowingFile(directory, temporary, await open(temporary, flags, 0o600))
        } catch (error) {
            throw asStorageError(error, "a file cannot be made")
        }
    }

    /** @throws storage_failed */
    async write(piece: Uint8Array): Promise<void> {
        try {
            await this.#handle.writeFile(piece)
        } catch (error) {
            throw asStorageError(error, "the file cannot be written")
        }
    }

    /**
     * On stable storage and under its name, of which there was none before, when it resolves.
     *
     * @throws already_exists, storage_failed: nothing of ours has the name, except after a failing sync of the directory
     */
    async finish(name: string, mode: number): Promise<string> {
        const file = path.join(this.#directory, name)
        try {
            await this.#handle.chmod(mode)
            await this.#handle.sync()
            // No link(2): sticks with FAT have none. Whoever writes the same name at the same moment has a directory of ours in hand.
            if ((await ownFileMode(file)) !== undefined) throw new TrustkeyError("already_exists", `${file} exists already`)
            await rename(this.#temporary, file)
            process.off("exit", this.#atExit)
            this.#finished = true
            await syncDirectory(this.#directory)
            return file
        } catch (error) {
            throw asStorageError(error, `${name} cannot be written`)
        }
    }

    async [Symbol.asyncDispose](): Promise<void> {
        process.off("exit", this.#atExit)
        await this.#handle.close()
        if (!this.#finished) await unlink(this.#temporary).catch(() => {})
    }
}
