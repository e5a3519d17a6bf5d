import type { Socket } from "node:net"
import koffi from "koffi"
import { TrustkeyError } from "../errors.ts"

// <asm-generic/socket.h>: the same on x86-64 and arm64.
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const SO_PEERGROUPS = 59

/** struct ucred: pid, uid, gid, 4 bytes each. */
const UCRED_BYTES = 12
/** NGROUPS_MAX of 4 bytes each. */
const MAX_GROUPS_BYTES = 65_536 * 4
/** The kernel's (uid_t) -1: the peer has no credentials. */
const NO_ID = 0xffff_ffff

export type PeerCredentials = { readonly pid: number; readonly uid: number; readonly gids: readonly number[] }

const getsockopt = koffi
    .load("libc.so.6")
    .func("int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)")

/**
 * Who is at the other end of a connection over a Unix socket, as the kernel recorded it when the peer connected: nothing the
 * peer sends, and nothing it does later, changes it. The first gid is its effective group, then come the supplementary ones.
 *
 * Node has no interface for this. The descriptor's number stands in the undocumented `_handle.fd`, so a Node that no longer
 * has it must be noticed here, and nobody be let in.
 *
 * @throws unauthenticated
 */
export function readPeerCredentials(socket: Socket): PeerCredentials {
    const fd = descriptorOf(socket)
    const ucred = readOption(fd, SO_PEERCRED, UCRED_BYTES)
    if (ucred.length !== UCRED_BYTES) throw new TrustkeyError("unauthenticated", "the kernel gave no credentials")
    const [pid, uid, gid] = [ucred.readUInt32LE(0), ucred.readUInt32LE(4), ucred.readUInt32LE(8)]
    if (uid === NO_ID || gid === NO_ID) throw new TrustkeyError("unauthenticated", "the peer has no credentials")
    const groups = readOption(fd, SO_PEERGROUPS, MAX_GROUPS_BYTES)
    const gids = Array.from({ length: groups.length / 4 }, (_, index) => groups.readUInt32LE(index * 4))
    return { pid, uid, gids: [gid, ...gids.filter((other) => other !== gid)] }
}

function descriptorOf(socket: Socket): number {
    const handle: unknown = Reflect.get(socket, "_handle")
    const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined
    if (typeof fd !== "number" || !Number.isInteger(fd) || fd < 0) {
        throw new TrustkeyError("unauthenticated", "this Node does not tell the socket's descriptor, so nobody can be identified")
    }
    return fd
}

/** A view into memory that the next call overwrites. */
function readOption(fd: number, name: number, maxBytes: number): Buffer {
    const length = [maxBytes]
    if (getsockopt(fd, SOL_SOCKET, name, scratch, length) !== 0) {
        throw new TrustkeyError("unauthenticated", `getsockopt ${name} failed with errno ${koffi.errno()}`)
    }
    return scratch.subarray(0, length[0] ?? 0)
}

const scratch = Buffer.alloc(MAX_GROUPS_BYTES)
