import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import type { ExportKeyFileSpec } from "../keys/index.ts"
import type { Principal } from "../policy/index.ts"
import { type Gun, notaryHeaders } from "../tuf/index.ts"
import { needsSeen } from "./key-needs.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { waysBackText } from "./ways-back.ts"

export type ExportKeyFileRequest = Omit<ExportKeyFileSpec, "headers"> & {
    /** The first 8 digits of the ID, typed by a person. */
    readonly confirm: string
    /** Which repository Notary's file of a targets or snapshot key names, unless it is bound to just one. */
    readonly gun?: Gun
}

/**
 * A sealed key in an encrypted file that other programs read: see KeyStore.exportKeyFile. Its passphrase has to be given for this, whether it is unlocked
 * or not; that it left, in which form, is on record.
 *
 * @throws confirmation_required; key_unfit: it is on a token, and what else there is
 */
export async function exportKeyFile(rooms: Rooms, principal: Principal, request: ExportKeyFileRequest): Promise<Buffer> {
    const { format, gun, confirm, filePassphrase, passphrase } = request
    const subject: Subject = { detail: { format } }
    return await recorded(rooms, principal, "export-key", subject, async () => {
        const { key } = usableKey(rooms, principal, "export-key", request.keyId)
        subject.keyId = key.id
        requireExportable(rooms, principal, key)
        const wanted = key.id.slice(0, 8)
        if (confirm !== wanted)
            throw new TrustkeyError("confirmation_required", `type the first 8 digits of the key's ID to let it leave: ${wanted}`)
        const headers = format === "notary" ? { headers: notaryHeaders(key, gun) } : {}
        const file = await rooms.keys.exportKeyFile({ keyId: key.id, format, ...headers, filePassphrase, passphrase })
        subject.detail = { format, sha256: sha256(file).toString("hex") }
        return file
    })
}

/** @throws key_unfit: it is on a token; with what brings its repositories back without it */
export function requireExportable(rooms: Rooms, principal: Principal, key: KeyRecord): void {
    if (key.home.kind !== "token") return
    const ways = waysBackText(rooms, principal, key, needsSeen(rooms, principal, key))
    throw new TrustkeyError("key_unfit", `this key is on token ${key.home.token}, which gives it to nobody. ${ways}`)
}
