import { randomBytes } from "node:crypto"
import { assembleCertificate, rootCertificateTbs } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import { authorize, type Permit, type Principal } from "../policy/index.ts"
import { certificateKey, type Gun, type KeyId, keyIdOf, ROOT } from "../tuf/index.ts"
import { DAY, isKeyOf } from "./check.ts"
import { bindingTurn, isBound, placesOf, requireTaking, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { requireReady } from "./sign.ts"

/** What Notary's own client gives a root certificate. */
const VALIDITY_DAYS = 3650

/**
 * The certificate that stands for a root key in one repository's root: made once, signed by the key itself, and kept, so that a
 * repeated `trust init` builds the same root. Stock clients fail at this with hardware keys. Where the trusted root lists a
 * certificate of this key, as of a repository made elsewhere, it is that one: another would be another key to Notary's clients.
 * Binds the key to the repository's root if it was not; that needs permission to bind.
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
        requireBindable(rooms, principal, key, gun)
        requireRootKey(key)
        const published = publishedCertificate(rooms, key, gun)
        const kept = rooms.journal.certificate(key.id, gun)
        if (published === undefined && kept === undefined) requireReady(rooms, key)
        const bound = isBound(key, { gun, role: ROOT }) ? key : await bindToRoot(rooms, principal, key, gun)
        if (published !== undefined) return published
        if (kept !== undefined) return { pem: kept, tufKeyId: keyIdOf(certificateKey(kept)) }
        // Whoever asks again while a token waits for a touch gets the certificate of that touch.
        return await rooms.turns.take(`certificate of ${bound.id} for ${gun}`, () => makeCertificate(rooms, principal, permit, bound, gun))
    })
}

async function makeCertificate(
    rooms: Rooms,
    principal: Principal,
    permit: Permit<"certificate">,
    key: KeyRecord,
    gun: Gun,
): Promise<{ readonly pem: string; readonly tufKeyId: KeyId }> {
    const { id, publicKey } = key
    const meanwhile = rooms.journal.certificate(id, gun)
    if (meanwhile !== undefined) return { pem: meanwhile, tufKeyId: keyIdOf(certificateKey(meanwhile)) }
    const notBefore = new Date(Math.floor(rooms.now().getTime() / 1000) * 1000)
    const notAfter = new Date(notBefore.getTime() + VALIDITY_DAYS * DAY)
    const tbs = rootCertificateTbs({ gun, publicKey, serial: randomBytes(16), notBefore, notAfter })
    const intent = await rooms.journal.commitCertificate(permit, key, gun, tbs)
    const difference = (): readonly string[] => [`the certificate that stands for this key in the root, until ${notAfter.toISOString()}`]
    const signature = await rooms.keys.sign(intent, { asker: principal, difference })
    await rooms.journal.signed(intent, signature)
    const pem = await rooms.journal.keepCertificate(id, gun, assembleCertificate(tbs, publicKey, signature))
    return { pem, tufKeyId: keyIdOf(certificateKey(pem)) }
}

/** @throws key_unfit */
export function requireRootKey(key: KeyRecord): void {
    if (key.purpose === "root") return
    throw new TrustkeyError("key_unfit", `the key ${key.id.slice(0, 12)} is a ${key.purpose} key, not a root key`)
}

/** @throws denied */
export function requireBindable(rooms: Rooms, principal: Principal, key: KeyRecord, gun: Gun): void {
    if (isBound(key, { gun, role: ROOT })) return
    // A root key made here is trusted nowhere before it has its first certificate, and may be ever after. One that came from a file may be
    // too; and to whoever may not take a key for another purpose, it isn't there.
    if (key.purpose !== "root" || key.origin === "imported" || rooms.journal.isCertified(key.id)) requireTaking(rooms, principal, key)
    authorize(rooms.policy(), principal, "bind", placesOf(key, { gun, role: ROOT }))
}

export async function bindToRoot(rooms: Rooms, principal: Principal, key: KeyRecord, gun: Gun): Promise<KeyRecord> {
    return await rooms.turns.take(bindingTurn(key.id), async () => {
        // Once more: it may have been bound to other places meanwhile.
        const { key: now } = usableKey(rooms, principal, "certificate", key.id, { gun, role: ROOT })
        requireBindable(rooms, principal, now, gun)
        return await rooms.keys.bind(key.id, [{ gun, role: ROOT }], [])
    })
}

/** The certificate by which the newest root of the repository names the key. */
export function publishedCertificate(
    rooms: Rooms,
    key: KeyRecord,
    gun: Gun,
): { readonly pem: string; readonly tufKeyId: KeyId } | undefined {
    const root = rooms.journal.repository(gun)?.root?.signed.document
    if (root?.type !== "root") return undefined
    for (const tufKeyId of root.roles.get("root")?.keyIds ?? []) {
        const listed = root.keys.get(tufKeyId)
        if (listed?.keytype.endsWith("-x509") === true && isKeyOf(listed, key))
            return { pem: Buffer.from(listed.public).toString("latin1"), tufKeyId }
    }
    return undefined
}
