import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { TrustkeyError } from "../errors.ts"

/**
 * The first `length` bytes of a regular file, or as many as it has: by them one can tell what it is. Undefined: it is not there, or no regular file.
 *
 * @throws storage_failed
 */
export async function readStart(file: string, length: number): Promise<Buffer | undefined> {
    try {
        // A FIFO would keep a blocking open waiting for its writer, and what is read of it is gone.
        await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
        if (!(await handle.stat()).isFile()) return undefined
        const bytes = Buffer.alloc(length)
        const { bytesRead } = await handle.read(bytes, 0, length, 0)
        return bytes.subarray(0, bytesRead)
    } catch (cause) {
        if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined
        throw new TrustkeyError("storage_failed", `${file} cannot be read`, { cause })
    }
}
