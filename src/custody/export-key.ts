import { sha256 } from "../crypto/index.ts"
import type { ExportKeySpec } from "../keys/index.ts"
import type { Principal } from "../policy/index.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type ExportKeyRequest = ExportKeySpec

/**
 * A sealed key in an age file: see KeyStore.exportKey. Its passphrase has to be given for this, for just these recipients, whether it is unlocked or
 * not; for whom it was exported is on record.
 */
export async function exportKey(rooms: Rooms, principal: Principal, request: ExportKeyRequest): Promise<Buffer> {
    const { recipients } = request
    const subject: Subject = { detail: { recipients: recipients.join(" "), restored: false } }
    return await recorded(rooms, principal, "export-key", subject, async () => {
        const { key } = usableKey(rooms, principal, "export-key", request.keyId)
        subject.keyId = key.id
        const file = await rooms.keys.exportKey({ ...request, keyId: key.id })
        subject.detail = { recipients: recipients.join(" "), restored: true, sha256: sha256(file).toString("hex") }
        return file
    })
}
