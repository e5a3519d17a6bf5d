import { TrustkeyError } from "../errors.ts"
import type { TokenHome } from "../journal/index.ts"
import type { CopyKeySpec } from "../keys/index.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { attestedView, type KeyView } from "./keys.ts"
import { requirePinAlways } from "./new-keys.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type CopyKeyRequest = Omit<CopyKeySpec, "asker" | "checkHome"> & {
    /** A root key although its slot does not ask for the PIN each time. */
    readonly acceptPinOnce?: boolean
}

/** A sealed key on a token besides: see KeyStore.copy. Its passphrase has to be given for this, whether it is unlocked or not. */
export async function copyKey(rooms: Rooms, principal: Principal, request: CopyKeyRequest): Promise<KeyView> {
    const { token, serial, from } = request
    const slot = from.kind === "sealed" ? from.card?.slot : from.slot
    const subject: Subject = { detail: { token, serial, from: from.kind, ...(slot === undefined ? {} : { slot }) } }
    return await recorded(rooms, principal, "copy-key", subject, async () => {
        const { key } = usableKey(rooms, principal, "copy-key", request.keyId)
        subject.keyId = key.id
        const checkPin = (pinPolicy: TokenHome["pinPolicy"]): void => requirePinAlways({ ...request, purpose: key.purpose }, pinPolicy)
        if (from.kind === "sealed" && from.card !== undefined) {
            // It is a login like any other.
            if (from.card.pin !== undefined) authorize(rooms.policy(), principal, "login", [])
            checkPin(from.card.pinPolicy)
        }
        const checkHome = ({ pinPolicy }: TokenHome, isYubikey: boolean): void => {
            if (isYubikey) checkPin(pinPolicy)
        }
        const record = await rooms.keys.copy({ ...request, keyId: key.id, asker: principal, checkHome })
        return attestedView(rooms, principal, record, subject)
    })
}

/** Destroy what is sealed here of a key that lies on tokens too. @throws confirmation_required, key_unfit */
export async function forgetSealed(
    rooms: Rooms,
    principal: Principal,
    request: { readonly id: string; readonly confirm: string },
): Promise<KeyView> {
    const subject: Subject = { detail: { sealed: false } }
    return await recorded(rooms, principal, "copy-key", subject, async () => {
        const { key } = usableKey(rooms, principal, "copy-key", request.id)
        subject.keyId = key.id
        const wanted = key.id.slice(0, 8)
        if (request.confirm !== wanted)
            throw new TrustkeyError(
                "confirmation_required",
                `type the first 8 digits of the key's ID to destroy what is sealed of it: ${wanted}`,
            )
        return attestedView(rooms, principal, await rooms.keys.forgetSealed(key.id, principal), subject)
    })
}
