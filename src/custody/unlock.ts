import type { SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeySubject } from "../keys/index.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type UnlockRequest = {
    readonly subject: KeySubject
    readonly sealed?: SealedSecret
    readonly ttlSeconds: number
    readonly uses: number
}

export async function unlock(rooms: Rooms, principal: Principal, request: UnlockRequest): Promise<{ readonly until: Date | undefined }> {
    const subject: Subject = { detail: { ttlSeconds: request.ttlSeconds, uses: request.uses } }
    return await recorded(rooms, principal, "unlock", subject, async () => {
        const target = resolve(rooms, principal, "unlock", request.subject, subject)
        requireTtl(rooms, request.ttlSeconds)
        return { until: await rooms.keys.unlock(target, request.sealed, request.ttlSeconds, request.uses) }
    })
}

/** @throws invalid_request */
export function requireTtl(rooms: Rooms, ttlSeconds: number): void {
    if (ttlSeconds > rooms.maxTtlSeconds)
        throw new TrustkeyError("invalid_request", `the time to live is longer than unlock.max_ttl, ${rooms.maxTtlSeconds} seconds`)
}

export async function lock(rooms: Rooms, principal: Principal, request: { readonly subject: KeySubject | "all" }): Promise<void> {
    const subject: Subject = {}
    await recorded(rooms, principal, "lock", subject, async () => {
        if (request.subject === "all") {
            authorize(rooms.policy(), principal, "lock", [])
            subject.detail = { all: true }
            await rooms.keys.lock("all")
            return
        }
        await rooms.keys.lock(resolve(rooms, principal, "lock", request.subject, subject))
    })
}

export type ChangePassphraseRequest = { readonly subject: KeySubject; readonly oldSealed: SealedSecret; readonly newSealed: SealedSecret }

export async function changePassphrase(rooms: Rooms, principal: Principal, request: ChangePassphraseRequest): Promise<void> {
    const subject: Subject = {}
    await recorded(rooms, principal, "passphrase", subject, async () => {
        const target = resolve(rooms, principal, "passphrase", request.subject, subject)
        await rooms.keys.changePassphrase(target, request.oldSealed, request.newSealed)
    })
}

/** A group stands for no repository: what opens it needs a rule without limits. Its keys still need a permission each. */
function resolve(
    rooms: Rooms,
    principal: Principal,
    action: "unlock" | "lock" | "passphrase",
    wanted: KeySubject,
    subject: Subject,
): KeySubject {
    if ("group" in wanted) {
        subject.detail = { ...subject.detail, group: wanted.group }
        authorize(rooms.policy(), principal, action, [])
        return wanted
    }
    const { key } = usableKey(rooms, principal, action, wanted.keyId)
    subject.keyId = key.id
    return { keyId: key.id }
}
