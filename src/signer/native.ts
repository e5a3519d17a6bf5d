import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import koffi from "koffi"

const PR_SET_PDEATHSIG = 1
const PR_SET_DUMPABLE = 4
const RLIMIT_CORE = 4
const SIGKILL = 9
const F_SETFD = 2
const FD_CLOEXEC = 1
const CLOCK_BOOTTIME = 7

const libc = koffi.load(null)

/** TK-SEC-1: no core dump, and no look into this process's memory by others of the same user. It does not stop root. */
export function forbidDumps(): void {
    const setrlimit = libc.func("int setrlimit(int resource, void *limit)")
    prctl(PR_SET_DUMPABLE, 0)
    if (setrlimit(RLIMIT_CORE, Buffer.alloc(16)) !== 0) throw new Error("setrlimit failed")
}

/** No program we start gets these descriptors. */
export function closeOnExec(descriptors: readonly number[]): void {
    const fcntl = libc.func("int fcntl(int fd, int cmd, ...)")
    for (const descriptor of descriptors) {
        if (fcntl(descriptor, F_SETFD, "int", FD_CLOEXEC) !== 0) throw new Error("fcntl failed")
    }
}

/** The first act of a process that will hold keys: no dumps, and no life after the parent's. */
export function hardenProcess(): void {
    forbidDumps()
    prctl(PR_SET_PDEATHSIG, SIGKILL)
}

function prctl(option: number, value: number): void {
    const call = libc.func("int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)")
    if (call(option, value, 0, 0, 0) !== 0) throw new Error("prctl failed")
}

/**
 * Give back at once what nothing refers to any more. OpenSSL wipes a private key when it lets go of it, and the runtime tells it to when it
 * collects garbage, which may be hours after the key was locked.
 */
export function openCollector(): () => void {
    setFlagsFromString("--expose-gc")
    const collect: unknown = runInNewContext("gc")
    if (typeof collect !== "function") throw new Error("the runtime has no gc()")
    return () => void collect()
}

/** Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps; CLOCK_MONOTONIC does not, so a key would stay open. */
export function openBootClock(): () => number {
    const clockGettime = libc.func("int clock_gettime(int clock, void *time)")
    const time = new BigInt64Array(2)
    return () => {
        if (clockGettime(CLOCK_BOOTTIME, time) !== 0) throw new Error("clock_gettime failed")
        return Number(time[0] ?? 0n) * 1000 + Number(time[1] ?? 0n) / 1_000_000
    }
}
