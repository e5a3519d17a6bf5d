import { type CloseStatement, parseCloseStatement } from "../ceremony/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Principal } from "../policy/index.ts"
import { canonicalKeyIdOf, type Signature, tufKey } from "../tuf/index.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { makeSignature, requireReady } from "./sign.ts"

export type SignCloseRequest = { readonly keyId: string; readonly statement: Uint8Array }

/**
 * The close of a ceremony, signed by a key that is there for nothing else. What the statement says is not checked here: the vault's people
 * have the bundle before them, and whoever verifies it has it too. That it is a close, and the only one of its plan by this key, is. IDs are given by
 * people, who give one twice: the plan that takes the place of an abandoned one would come to its close, and not be closed.
 *
 * @throws denied, key_unfit, key_locked, bundle_invalid: it is no close; equivocation_refused: this key closed a ceremony of this plan otherwise
 */
export async function signClose(rooms: Rooms, principal: Principal, request: SignCloseRequest): Promise<Signature> {
    const subject: Subject = {}
    return await recorded(rooms, principal, "ceremony", subject, async () => {
        const { key, permit } = usableKey(rooms, principal, "ceremony", request.keyId)
        subject.keyId = key.id
        if (key.purpose !== "ceremony")
            throw new TrustkeyError(
                "key_unfit",
                `the key ${key.id.slice(0, 12)} is a ${key.purpose} key; a close wants one of purpose ceremony`,
            )
        const statement = parseCloseStatement(request.statement)
        subject.detail = { ceremony: statement.ceremony, outcome: statement.outcome, records: statement.records, head: statement.head }
        requireReady(rooms, key)
        const intent = await rooms.journal.commitClose(permit, key, statement.plan, request.statement)
        const signature = await makeSignature(rooms, intent, { asker: principal, difference: () => sentences(statement) })
        const sig = await rooms.journal.signed(intent, signature)
        return { keyId: canonicalKeyIdOf(tufKey(key.publicKey)), method: intent.scheme, sig }
    })
}

/** For whoever is asked to touch a token. */
function sentences({ ceremony, outcome, records, head }: CloseStatement): readonly string[] {
    return [`the close of ceremony ${ceremony}, ${outcome}, after ${records} records; the last is ${head}`]
}
