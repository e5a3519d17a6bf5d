import { connect, type Server } from "node:net"
import path from "node:path"
import koffi from "koffi"
import { TrustkeyError } from "../errors.ts"
import { fileMode, makeDirectory, removeFile } from "../storage/index.ts"

export type SocketPlace = {
    readonly path: string
    /** Permission bits. */
    readonly mode: number
    /** gid; undefined: the process's own. */
    readonly group?: number
    /** A listening socket that systemd has made; path, mode and group are its business then. */
    readonly fd?: number
}

// Only storage touches files, but a socket is no file to it. Node has no way to bind with a mode.
const libc = koffi.load("libc.so.6")
const chmod = libc.func("int chmod(const char *path, uint32_t mode)")
const lchown = libc.func("int lchown(const char *path, uint32_t uid, uint32_t gid)")

const UNCHANGED = 0xffff_ffff
const PROBE_MS = 2000

/**
 * Make `server` listen. A socket left by a process that is gone is replaced; the lock on the state directory has already made
 * sure that no other daemon works on the same state.
 *
 * @throws state_in_use: somebody answers there. config_invalid: something else is there, or the place can't be used.
 */
export async function listenAt(server: Server, place: SocketPlace): Promise<void> {
    if (place.fd !== undefined) {
        await listening(server, "a socket that systemd passed", () => server.listen({ fd: place.fd }))
        return
    }
    await makePlace(place.path)
    await removeStale(place.path)
    await listening(server, place.path, () => {
        // bind(2) makes the socket within this call; nobody but us can connect until the group and the mode are right.
        const umask = process.umask(0o177)
        try {
            server.listen({ path: place.path })
        } finally {
            process.umask(umask)
        }
        // Not bound: the error event follows.
        if (!server.listening) return
        if (place.group !== undefined) mustSucceed(lchown(place.path, UNCHANGED, place.group), place.path, "given to its group")
        mustSucceed(chmod(place.path, place.mode), place.path, "given its mode")
    })
}

async function makePlace(file: string): Promise<void> {
    try {
        await makeDirectory(path.dirname(file), 0o755)
    } catch (error) {
        throw new TrustkeyError("config_invalid", `there is no directory for the socket ${file}, and none can be made`, { cause: error })
    }
}

async function listening(server: Server, where: string, start: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once("listening", resolve)
    server.once("error", reject)
    try {
        start()
        await promise
    } catch (error) {
        server.close()
        if (error instanceof TrustkeyError) throw error
        const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown reason"
        throw new TrustkeyError("config_invalid", `cannot listen on ${where}: ${reason}`, { cause: error })
    } finally {
        server.off("listening", resolve)
        server.off("error", reject)
    }
}

function mustSucceed(result: number, file: string, what: string): void {
    if (result === 0) return
    throw new TrustkeyError("config_invalid", `the socket ${file} cannot be ${what}: errno ${koffi.errno()}`)
}

async function removeStale(file: string): Promise<void> {
    const facts = await fileMode(file)
    if (facts === undefined) return
    if (facts.kind !== "socket")
        throw new TrustkeyError(
            "config_invalid",
            `${file} is there already and is no socket: move it away, or give the socket another path`,
        )
    if (await somebodyAnswers(file))
        throw new TrustkeyError("state_in_use", `another process answers on ${file}: stop it, or give the socket another path`)
    await removeFile(file)
}

/** Only a refused connection proves that nobody listens. */
async function somebodyAnswers(file: string): Promise<boolean> {
    const socket = connect(file)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    socket.setTimeout(PROBE_MS, () => resolve(true))
    socket.on("connect", () => resolve(true))
    socket.on("error", (error) => resolve(!("code" in error && error.code === "ECONNREFUSED")))
    try {
        return await promise
    } finally {
        socket.destroy()
    }
}
