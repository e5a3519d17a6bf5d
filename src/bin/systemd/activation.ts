import { TrustkeyError } from "../../errors.ts"

/** SD_LISTEN_FDS_START */
const FIRST = 3

/** What systemd says in a service's environment. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The listening sockets that systemd has made for us, by their names (`FileDescriptorName=`): their order says nothing. sd_listen_fds(3).
 *
 * @returns file descriptors; empty when none were passed to this process
 * @throws config_invalid for a name that is not among `known`, and for one that comes twice
 */
export function passedSockets<Name extends string>(
    environment: Environment,
    pid: number,
    known: readonly Name[],
): ReadonlyMap<Name, number> {
    const { LISTEN_PID: forPid, LISTEN_FDS: count, LISTEN_FDNAMES: names = "" } = environment
    if (forPid !== String(pid) || count === undefined) return new Map()
    const found = new Map<Name, number>()
    for (const [index, given] of names.split(":").entries()) {
        const name = known.find((candidate) => candidate === given)
        if (name === undefined || found.has(name)) {
            const problem = name === undefined ? `a socket called "${given}"` : `two sockets called "${given}"`
            throw new TrustkeyError("config_invalid", `systemd passes ${problem}; give each one FileDescriptorName= of ${known.join(", ")}`)
        }
        found.set(name, FIRST + index)
    }
    if (String(found.size) !== count) throw new TrustkeyError("config_invalid", `systemd passes ${count} sockets and names ${found.size}`)
    return found
}
