import { createHash } from "node:crypto"
import type { DrillFacts } from "../audit/index.ts"
import { checkReceipt } from "../backup/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

/** A clock that is a little ahead. */
const LEEWAY_MS = 5 * 60_000

/**
 * Keep a drill as the last good one: every key that is kept here, and was when the backup was made, has signed its receipt, by the public key on record. What a receipt
 * says besides is its maker's word.
 *
 * @throws verification_failed: a signature is not good, or a key is missing in it or unknown here. backup_invalid, state_newer
 */
export async function recordDrill(
    rooms: Rooms,
    principal: Principal,
    request: { readonly receipt: AsyncIterable<Uint8Array> },
): Promise<DrillFacts> {
    const subject: Subject = {}
    return await recorded(rooms, principal, "restore", subject, async () => {
        authorize(rooms.policy(), principal, "restore", [])
        const hash = createHash("sha256")
        const proven = new Set<string>()
        const statement = await checkReceipt(hashing(request.receipt, hash), ({ id }) => {
            if (rooms.keys.find(id) === undefined)
                throw new TrustkeyError("verification_failed", `the receipt is of a key that is not known here, ${id.slice(0, 12)}`)
            proven.add(id)
        })
        const { backup: fingerprint, madeAt, at, keys, proven: signed, notOpened } = statement
        const receipt = hash.digest("hex")
        const facts = { fingerprint, at, keys: signed, without: keys - signed - notOpened, receipt }
        subject.detail = { drill: fingerprint, at, keys: signed, receipt }
        // Where all keys lie on tokens there is none that could.
        if (proven.size === 0 && anySealed(rooms)) throw new TrustkeyError("verification_failed", "no key has signed this receipt")
        if (Date.parse(at) > rooms.now().getTime() + LEEWAY_MS)
            throw new TrustkeyError("clock_implausible", `the receipt is of ${at}, which is to come`)
        requireAll(rooms, proven, madeAt)
        await rooms.evidence.drilled(facts)
        return facts
    })
}

function anySealed(rooms: Rooms): boolean {
    for (const key of rooms.keys.list()) if (isSealed(key)) return true
    return false
}

function isSealed({ home, removedAt }: KeyRecord): boolean {
    return home.kind !== "token" && removedAt === undefined
}

function requireAll(rooms: Rooms, proven: ReadonlySet<string>, madeAt: string): void {
    for (const key of rooms.keys.list()) {
        const { id, createdAt, label } = key
        if (!isSealed(key) || createdAt > madeAt || proven.has(id)) continue
        throw new TrustkeyError(
            "verification_failed",
            `the key ${id.slice(0, 12)} (${label}) has not signed the receipt: the drill did not show that it comes back`,
        )
    }
}

async function* hashing(source: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
        hash.update(chunk)
        yield chunk
    }
}
