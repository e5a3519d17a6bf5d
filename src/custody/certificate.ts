import { randomBytes } from "node:crypto"
import { assembleCertificate, rootCertificateTbs } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { authorize, type Principal } from "../policy/index.ts"
import { certificateKey, type Gun, type KeyId, keyIdOf, ROOT } from "../tuf/index.ts"
import { isBound, placesOf, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { requireReady } from "./sign.ts"

/** What Notary's own client gives a root certificate. */
const VALIDITY_DAYS = 3650

/**
 * The certificate that stands for a root key in one repository's root: made once, signed by the key itself, and kept, so that a
 * repeated `trust init` builds the same root. Stock clients fail at this with hardware keys. Binds the key to the repository's
 * root if it was not; that needs permission to bind.
 */
export async function rootCertificate(
    rooms: Rooms,
    principal: Principal,
    request: { readonly keyId: string; readonly gun: Gun },
): Promise<{ readonly pem: string; readonly tufKeyId: KeyId }> {
    const { gun } = request
    const subject: Subject = { gun, role: ROOT }
    return await recorded(rooms, principal, "certificate", subject, async () => {
        const { key, permit } = usableKey(rooms, principal, "certificate", request.keyId, { gun, role: ROOT })
        subject.keyId = key.id
        // Before anything is said about the key: one that is bound nowhere is everybody's to ask for.
        if (!isBound(key, { gun, role: ROOT })) authorize(rooms.policy(), principal, "bind", placesOf(key, { gun, role: ROOT }))
        if (key.purpose !== "root")
            throw new TrustkeyError("key_unfit", `the key ${key.id.slice(0, 12)} is a ${key.purpose} key, not a root key`)
        const kept = rooms.journal.certificate(key.id, gun)
        if (kept === undefined) requireReady(rooms, key)
        const bound = isBound(key, { gun, role: ROOT }) ? key : await rooms.keys.bind(key.id, [{ gun, role: ROOT }], [])
        if (kept !== undefined) return { pem: kept, tufKeyId: keyIdOf(certificateKey(kept)) }
        const notBefore = new Date(Math.floor(rooms.now().getTime() / 1000) * 1000)
        const notAfter = new Date(notBefore.getTime() + VALIDITY_DAYS * 86_400_000)
        const tbs = rootCertificateTbs({ gun, publicKey: bound.publicKey, serial: randomBytes(16), notBefore, notAfter })
        const intent = await rooms.journal.commitCertificate(permit, bound, gun, tbs)
        const signature = await rooms.keys.sign(intent)
        await rooms.journal.signed(intent, signature)
        const pem = await rooms.journal.keepCertificate(bound.id, gun, assembleCertificate(tbs, bound.publicKey, signature))
        return { pem, tufKeyId: keyIdOf(certificateKey(pem)) }
    })
}
