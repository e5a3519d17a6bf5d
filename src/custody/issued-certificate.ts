import {
    assembleCertificateRequest,
    certificateRequestInfo,
    checkCertificateChain,
    parseCertificateChain,
    pinnedUsageObjection,
} from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import { certificateKey, checkRootCertificate, type Gun, type KeyId, keyIdOf, ROOT, type TufKey } from "../tuf/index.ts"
import { bindToRoot, publishedCertificate, requireBindable, requireRootKey } from "./certificate.ts"
import { isKeyOf } from "./check.ts"
import { isBound, usableKey } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { requireReady } from "./sign.ts"

/**
 * A request by which an authority can issue the certificate that stands for a root key in one repository's root. It binds the key to
 * nothing, and nothing rests on it: what counts is the certificate, when it is brought back.
 */
export async function certificateRequest(
    rooms: Rooms,
    principal: Principal,
    request: { readonly keyId: string; readonly gun: Gun },
): Promise<{ readonly pem: string }> {
    const { gun } = request
    const subject: Subject = { gun, role: ROOT, detail: { request: true } }
    return await recorded(rooms, principal, "certificate", subject, async () => {
        const { key, permit } = usableKey(rooms, principal, "certificate", request.keyId, { gun, role: ROOT })
        subject.keyId = key.id
        requireBindable(rooms, principal, key, gun)
        requireRootKey(key)
        requireReady(rooms, key)
        // Whoever asks again while a token waits for a touch gets the request of that touch.
        return await rooms.turns.take(`certificate request of ${key.id} for ${gun}`, async () => {
            const info = certificateRequestInfo(gun, key.publicKey)
            const intent = await rooms.journal.commitCertificateRequest(permit, key, gun, info)
            const difference = (): readonly string[] => [
                "a request to an authority for the certificate that stands for this key in the root",
            ]
            const signature = await rooms.keys.sign(intent, { asker: principal, difference })
            return { pem: assembleCertificateRequest(info, key.publicKey, await rooms.journal.signed(intent, signature)) }
        })
    })
}

export type IssuedCertificateRequest = { readonly keyId: string; readonly gun: Gun; readonly chainPem: string }
export type IssuedCertificate = {
    readonly pem: string
    readonly tufKeyId: KeyId
    readonly expires: Date
    /** What some verifiers will object to. */
    readonly warnings: readonly string[]
}

/**
 * Keep a certificate that an authority issued for a root key and a repository, in place of the one the key would sign itself: the first
 * root is built with it then. It has to be the key's, for this repository, what Notary's clients count as a root key's certificate, and what
 * leads up from it has to lead up from it. Whom the authority answers to is asked by whoever pins it.
 *
 * @throws key_unfit: it is another key's. root_rejected: Notary would not count it. verification_failed: the chain is broken, or not for
 *   signing code. already_exists: a root names, or may name, another certificate of this key
 */
export async function keepRootCertificate(
    rooms: Rooms,
    principal: Principal,
    { keyId, gun, chainPem }: IssuedCertificateRequest,
): Promise<IssuedCertificate> {
    const subject: Subject = { gun, role: ROOT }
    return await recorded(rooms, principal, "certificate", subject, async () => {
        const { key } = usableKey(rooms, principal, "certificate", keyId, { gun, role: ROOT })
        subject.keyId = key.id
        requireBindable(rooms, principal, key, gun)
        requireRootKey(key)
        const issued = issuedKey(chainPem)
        const pem = Buffer.from(issued.public).toString("latin1")
        const tufKeyId = keyIdOf(issued)
        subject.detail = { issued: tufKeyId }
        checkIssued(issued, key, gun, rooms.now())
        // With whatever else changes the repository: a root promised meanwhile might name the certificate that goes.
        await rooms.turns.take(gun, async () => {
            const kept = rooms.journal.certificate(key.id, gun)
            if (kept !== pem) await requireUnused(rooms, key, gun, pem, kept)
            if (!isBound(key, { gun, role: ROOT })) await bindToRoot(rooms, principal, key, gun)
            if (kept === undefined) await rooms.journal.keepCertificate(key.id, gun, pem)
            else await rooms.journal.replaceCertificate(key.id, gun, pem, kept)
        })
        const leaf = parseCertificateChain(pem)[0]
        if (leaf === undefined) throw new TrustkeyError("internal", "a certificate was lost")
        const objection = pinnedUsageObjection(leaf.extKeyUsages)
        return { pem, tufKeyId, expires: leaf.notAfter, warnings: objection === undefined ? [] : [`this certificate ${objection}`] }
    })
}

/** @throws invalid_request: no certificates. key_unfit: of a kind of key that no root can have */
function issuedKey(pem: string): TufKey {
    try {
        return certificateKey(pem)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "metadata_rejected") throw error
        throw new TrustkeyError("invalid_request", error.message, { cause: error })
    }
}

function checkIssued(issued: TufKey, key: KeyRecord, gun: Gun, now: Date): void {
    if (!isKeyOf(issued, key)) {
        const message = `the first certificate is for another key than ${key.id.slice(0, 12)}`
        throw new TrustkeyError("key_unfit", `${message}: the key's own comes first, then those that lead up from it`)
    }
    checkRootCertificate(issued, gun, now)
    checkCertificateChain(Buffer.from(issued.public).toString("latin1"), now)
}

/**
 * A root that was published or is ready to be names its certificate for good, and one that is promised and not signed yet may name the one
 * that is kept.
 *
 * @throws already_exists
 */
async function requireUnused(rooms: Rooms, key: KeyRecord, gun: Gun, pem: string, kept: string | undefined): Promise<void> {
    const published = publishedCertificate(rooms, key, gun)
    if (published?.pem === pem) return
    if (published !== undefined) {
        const message = `the root of ${gun} names another certificate of this key`
        throw new TrustkeyError("already_exists", `${message}; a new one comes into force by a rotation: trustkey rotate root`)
    }
    const begun = kept === undefined ? undefined : await rooms.journal.promisedRoot(gun)
    if (begun === undefined) return
    const version = begun.version
    const message = `root ${version} of ${gun} is promised and may name the certificate that is kept`
    throw new TrustkeyError("already_exists", `${message}: finish it, or void it with trustkey journal void ${gun} root ${version}`)
}
