import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import type { Cli } from "../context.ts"
import type { Binding, Daemon, DaemonKey } from "../daemon-types.ts"
import { shortId } from "../output.ts"

export type BindingChange = { readonly add?: readonly Binding[]; readonly remove?: readonly Binding[] }

/**
 * Change where a key may sign: on the sign socket, if policy lets this caller, else on the admin socket.
 *
 * @throws denied, daemon_unreachable and others: the message is the command that does it
 */
export async function changeBindings(cli: Cli, daemon: Daemon, key: DaemonKey, change: BindingChange): Promise<DaemonKey> {
    const request = { id: key.id, add: change.add ?? [], remove: change.remove ?? [] }
    if (request.add.length + request.remove.length === 0) return key
    try {
        return await daemon.bindKey(request)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || !NOT_HERE.includes(error.code)) throw error
    }
    try {
        return await (await cli.daemon("admin")).bindKey(request)
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        const places = [
            ...request.add.map((place) => ` --add ${nameOf(place)}`),
            ...request.remove.map((place) => ` --remove ${nameOf(place)}`),
        ]
        const message = `key ${shortId(key.id)} could not be bound (${error.message}); an administrator does it with: trustkey key bind`
        throw new TrustkeyError(error.code, `${message} ${shortId(key.id)}${places.join("")}`, { cause: error })
    }
}

/** What the sign socket says to a caller who may not bind there. */
const NOT_HERE: readonly ErrorCode[] = ["denied", "unauthenticated"]

function nameOf({ role, gun }: Binding): string {
    return `${role}@${gun}`
}

/** The daemon's key with this ID; undefined when it has none that the caller may see. */
export async function findKey(daemon: Daemon, id: string): Promise<DaemonKey | undefined> {
    try {
        const key = await daemon.getKey(id)
        return key.state === "removed" ? undefined : key
    } catch (error) {
        if (error instanceof TrustkeyError && (error.code === "denied" || error.code === "not_found")) return undefined
        throw error
    }
}
