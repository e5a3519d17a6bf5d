import koffi from "koffi"

// <bits/socket.h>: the same on x86-64 and arm64.
const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_NOSIGNAL = 0x4000
/** struct sockaddr_un: 2 bytes family, then the path. */
const MAX_PATH_BYTES = 108

/** One assignment a line, as sd_notify(3) has it. Values have one line each. */
export type Notify = (state: Readonly<Record<string, string>>) => void

/**
 * Tell the service manager how we are: sd_notify(3). Node has no datagram sockets of AF_UNIX, so libc is asked. Failures are borne:
 * nothing we promise depends on it, and a manager that hears nothing acts by its own time limits.
 *
 * @param address NOTIFY_SOCKET: a path, or `@name` for an abstract socket. Empty or absent: nobody wants to know
 */
export function openNotify(address: string | undefined): Notify {
    if (address === undefined || address === "") return () => {}
    const target = socketAddress(address)
    if (target === undefined) return () => {}
    const libc = koffi.load("libc.so.6")
    const socket = libc.func("int socket(int domain, int type, int protocol)")
    const sendto = libc.func("int64_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)")
    const fd: unknown = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    if (typeof fd !== "number" || fd < 0) return () => {}
    return (state) => {
        const message = Buffer.from(Object.entries(state).map(assignment).join("\n"), "utf8")
        sendto(fd, message, message.length, MSG_NOSIGNAL, target, target.length)
    }
}

/** A value with a line break would be two assignments. */
function assignment([name, value]: [string, string]): string {
    return `${name}=${value.replace(/[\r\n]+/g, " ")}`
}

/** @returns undefined for what is no address: vsock, or a path that is too long */
function socketAddress(address: string): Buffer | undefined {
    const name = Buffer.from(address.startsWith("@") ? `\0${address.slice(1)}` : address, "utf8")
    if (!/^[/@]/.test(address) || name.length >= MAX_PATH_BYTES) return undefined
    const family = Buffer.alloc(2)
    family.writeUInt16LE(AF_UNIX)
    // An abstract name ends with the address, a path with a zero byte.
    return Buffer.concat(address.startsWith("@") ? [family, name] : [family, name, Buffer.alloc(1)])
}
