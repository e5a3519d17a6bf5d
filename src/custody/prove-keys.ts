import { TrustkeyError } from "../errors.ts"
import { authorize, type Permit, type Principal } from "../policy/index.ts"
import { record, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type ProveRequest = { readonly challenge: Uint8Array; readonly keyIds: readonly string[] }
export type KeyProof = { readonly keyId: string } & ({ readonly signature: Uint8Array } | { readonly problem: TrustkeyError })

/** Under way at a time: enough for group commit, and a token is asked one by one anyway. */
const AT_A_TIME = 64

/**
 * TK-SIG-1: signatures over the canary of a drill's challenge, a form that is nothing else. Each is promised and on record; a key that can't sign says why, and the
 * others do.
 */
export async function proveKeys(rooms: Rooms, principal: Principal, { challenge, keyIds }: ProveRequest): Promise<readonly KeyProof[]> {
    let permit: Permit<"restore">
    try {
        permit = authorize(rooms.policy(), principal, "restore", [])
    } catch (error) {
        await record(rooms, principal, "restore", {}, "denied")
        throw error
    }
    const proofs: KeyProof[] = []
    for (let at = 0; at < keyIds.length; at += AT_A_TIME) {
        const some = keyIds.slice(at, at + AT_A_TIME)
        proofs.push(...(await Promise.all(some.map((keyId) => prove(rooms, principal, permit, challenge, keyId)))))
    }
    return proofs
}

async function prove(
    rooms: Rooms,
    principal: Principal,
    permit: Permit<"restore">,
    challenge: Uint8Array,
    keyId: string,
): Promise<KeyProof> {
    const subject: Subject = { keyId, detail: { proves: Buffer.from(challenge).toString("hex") } }
    try {
        const key = rooms.keys.find(keyId)
        if (key === undefined || key.removedAt !== undefined) throw new TrustkeyError("not_found", "there is no such key")
        const intent = await rooms.journal.commitCanary(permit, key, challenge)
        const signature = await rooms.keys.sign(intent, { asker: principal, difference: () => ["nothing: the key shows that it signs"] })
        const [kept] = await Promise.all([rooms.journal.signed(intent, signature), record(rooms, principal, "restore", subject, "ok")])
        return { keyId, signature: kept }
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        await record(rooms, principal, "restore", subject, error.code)
        return { keyId, problem: error }
    }
}
