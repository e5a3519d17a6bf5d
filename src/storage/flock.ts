import koffi from "koffi"

// flock(2), sys/file.h. The kernel lets go when the last descriptor closes: at the process's end, however it ends.
const LOCK_EX = 2
const LOCK_NB = 4

let flock: ((descriptor: number, operation: number) => number) | undefined

/**
 * Lock an open file against every other open of it, without waiting. False: somebody else has it.
 *
 * @throws Error for anything but "somebody else"
 */
export function lockExclusively(descriptor: number): boolean {
    flock ??= koffi.load(null).func("int flock(int descriptor, int operation)")
    if (flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true
    const errno = koffi.errno()
    if (errno === koffi.os.errno["EWOULDBLOCK"] || errno === koffi.os.errno["EAGAIN"]) return false
    throw new Error(`flock failed with errno ${errno}`)
}
