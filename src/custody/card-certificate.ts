import { randomBytes, X509Certificate } from "node:crypto"
import { assembleCertificate, cardCertificateTbs, type SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Principal } from "../policy/index.ts"
import { ROOT } from "../tuf/index.ts"
import { usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { requireReady } from "./sign.ts"

export type CardCertificateRequest = {
    readonly keyId: string
    readonly managementKey: SealedSecret
    /** Hex SHA-256 of the certificate that may be overwritten. */
    readonly replace?: string
}

/**
 * The CN=root certificate beside a root key on a card, by which stock Notary clients find the key, so that one card serves both. Signed by
 * the key itself as an intent of its own kind, then written into the key's slot. Nothing here rests on it.
 */
export async function cardCertificate(
    rooms: Rooms,
    principal: Principal,
    request: CardCertificateRequest,
): Promise<{ readonly pem: string }> {
    const subject: Subject = { role: ROOT, detail: { card: true } }
    return await recorded(rooms, principal, "certificate", subject, async () => {
        const { key, permit } = usableKey(rooms, principal, "certificate", request.keyId)
        subject.keyId = key.id
        if (key.purpose !== "root" || key.home.kind !== "token") {
            throw new TrustkeyError(
                "key_unfit",
                `the key ${key.id.slice(0, 12)} is no root key on a token: only those are looked for on a card`,
            )
        }
        requireReady(rooms, key)
        const notBefore = new Date(Math.floor(rooms.now().getTime() / 1000) * 1000)
        const tbs = cardCertificateTbs({ publicKey: key.publicKey, serial: randomBytes(16), notBefore })
        const intent = await rooms.journal.commitCardCertificate(permit, key, tbs)
        const difference = (): readonly string[] => ["a certificate for the card, by which stock Notary clients find this key"]
        const signature = await rooms.keys.sign(intent, { asker: principal, difference })
        await rooms.journal.signed(intent, signature)
        const pem = assembleCertificate(tbs, key.publicKey, signature)
        await rooms.keys.putCertificate(key.id, new X509Certificate(pem).raw, request.managementKey, request.replace)
        return { pem }
    })
}
