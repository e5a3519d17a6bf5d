import type { SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { GroupState } from "../keys/index.ts"
import { authorize, isAllowed, type Principal } from "../policy/index.ts"
import { recorded } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type GroupView = GroupState
export type CreateGroupRequest = { readonly name: string; readonly sealed?: SealedSecret; readonly credential?: string }

/** A group key: one secret that opens many keys, by passphrase, by systemd credential or by both. */
export async function createGroup(rooms: Rooms, principal: Principal, request: CreateGroupRequest): Promise<GroupView> {
    return await recorded(rooms, principal, "create-group", { detail: { group: request.name } }, async () => {
        authorize(rooms.policy(), principal, "create-group", [])
        if (request.sealed === undefined && request.credential === undefined) {
            throw new TrustkeyError("invalid_request", "a group needs a passphrase, a credential or both: nothing else could open it")
        }
        await rooms.keys.createGroup(request.name, request.sealed, request.credential)
        const group = rooms.keys.groups().find(({ name }) => name === request.name)
        if (group === undefined) throw new TrustkeyError("internal", "the group made is not there")
        return group
    })
}

export function listGroups(rooms: Rooms, principal: Principal): readonly GroupView[] {
    return isAllowed(rooms.policy(), principal, "list", []) ? rooms.keys.groups() : []
}
