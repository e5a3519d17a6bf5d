import { TrustkeyError } from "../errors.ts"
import type { Daemon } from "./daemon-types.ts"
import { tokenOf } from "./key-home.ts"
import { type SealedThing, thingOfGroup, thingOfKey } from "./secrets.ts"

/** What a command is about: a key by ID, or `--group NAME`. @throws usage for both or neither; not_found */
export async function sealedThing(daemon: Daemon, id: string | undefined, group: string | undefined): Promise<SealedThing> {
    if ((id === undefined) === (group === undefined)) throw new TrustkeyError("usage", "name either a key's ID or --group NAME")
    if (group !== undefined) return thingOfGroup(group)
    const key = await daemon.getKey(id ?? "")
    const token = tokenOf(key.home)
    if (token !== undefined) throw new TrustkeyError("invalid_request", `this key is on a token: trustkey token login ${token}`)
    return thingOfKey(key)
}
