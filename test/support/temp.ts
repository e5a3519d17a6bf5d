import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"

export type WorkingDirectory = AsyncDisposable & {
    readonly path: string
    /** Removes it if it was made for this part; a directory the caller named stays. */
    remove(): Promise<void>
}

/** A directory of its own for one part of a test; `given` keeps the part's state from one run to the next. */
export async function makeWorkingDirectory(name: string, given?: string): Promise<WorkingDirectory> {
    if (given !== undefined) {
        await mkdir(given, { recursive: true, mode: 0o700 })
        return { path: given, remove: async () => {}, [Symbol.asyncDispose]: async () => {} }
    }
    const directory = await mkdtemp(path.join(tmpdir(), `trustkeyd-${name}-`))
    const remove = (): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 3 })
    return { path: directory, remove, [Symbol.asyncDispose]: remove }
}

/** A file with one line that only its owner reads, as a command wants a PIN or passphrase. @returns its path */
export async function writeSecret(directory: string, name: string, content: string): Promise<string> {
    const file = path.join(directory, name)
    await writeFile(file, `${content}\n`, { mode: 0o600 })
    return file
}
