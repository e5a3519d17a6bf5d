import { verify } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Intent, KeyRecord } from "../journal/index.ts"
import type { Occasion } from "../keys/index.ts"
import { limitsFor, type Principal } from "../policy/index.ts"
import { type Gun, parseSigned, type RoleName, type Signature, type SignedMetadata } from "../tuf/index.ts"
import { authoritiesFor, checkBody, roleKeyOf, type Surroundings } from "./check.ts"
import { requireBinding, signingKey } from "./places.ts"
import { record, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"
import { occasionOf } from "./touch.ts"

export type SignRequest = { readonly keyId: string; readonly gun: Gun; readonly role: RoleName; readonly signed: Uint8Array }

/** One signature over one role's metadata. Before the journal's commit a caller may still go away; after it we finish. */
export async function sign(rooms: Rooms, principal: Principal, request: SignRequest): Promise<Signature> {
    const subject: Subject = { gun: request.gun, role: request.role }
    try {
        const { key, permit } = signingKey(rooms, principal, request.keyId, { gun: request.gun, role: request.role })
        subject.keyId = key.id
        requireBinding(key, { gun: request.gun, role: request.role })
        requireReady(rooms, key)
        const body = parseBody(rooms, request.gun, request.signed, request.role)
        describe(subject, body)
        const around = surroundings(rooms, principal, request.gun, [body])
        checkBody(around, body)
        const keyId = roleKeyOf(authoritiesFor(around, body), key, request.role)
        const intent = await rooms.journal.commitMetadata(permit, key, request.gun, body)
        const signature = await makeSignature(rooms, intent, occasionOf(rooms, principal, request.gun, body))
        // Both go to disk in one group; neither may be missing when the answer leaves.
        const [kept] = await Promise.all([rooms.journal.signed(intent, signature), record(rooms, principal, "sign", subject, "ok")])
        return { keyId, method: intent.scheme, sig: kept }
    } catch (error) {
        await record(rooms, principal, "sign", subject, error instanceof TrustkeyError ? error.code : "internal")
        throw error
    }
}

/** A retry gets the signature it was promised; otherwise the key is used, once. */
export async function makeSignature(rooms: Rooms, intent: Intent, occasion: Occasion): Promise<Uint8Array> {
    const { key, scheme, bytes, signature } = intent
    if (signature === undefined) return await rooms.keys.sign(intent, occasion)
    // TK-SIG-2: it was verified where it was made, and a restore brings what others have written.
    if (verify(key.publicKey, scheme, bytes, signature)) return signature
    throw new TrustkeyError("bad_signature", "the signature that is kept for this promise does not verify: ask for the next version")
}

export function parseBody(rooms: Rooms, gun: Gun, signed: Uint8Array, role: RoleName): SignedMetadata {
    const most = Math.min(rooms.maxPayloadBytes, limitsFor(rooms.policy(), gun, role).maxPayload ?? rooms.maxPayloadBytes)
    if (signed.length > most) {
        throw new TrustkeyError("payload_too_large", `${role} has ${signed.length} bytes; at most ${most} are allowed`)
    }
    return parseSigned(signed, role, { requireCanonical: true })
}

export function surroundings(rooms: Rooms, principal: Principal, gun: Gun, bodies: readonly SignedMetadata[]): Surroundings {
    const known = rooms.journal.repository(gun)
    return {
        policy: rooms.policy(),
        principal,
        gun,
        repository: known?.state === "active" ? known : undefined,
        bodies: new Map(bodies.map((body) => [body.role, body])),
        now: rooms.now(),
    }
}

/** Said before the journal is asked: nobody should burn a version for want of a passphrase. */
export function requireReady(rooms: Rooms, key: KeyRecord): void {
    // Whether a token answers is known only by asking it; a sealed key's state is ours.
    if (key.home.kind === "token" || key.copies !== undefined || rooms.keys.state(key.id).ready) return
    throw new TrustkeyError("key_locked", `the key ${key.id.slice(0, 12)} (${key.label}) is locked; unlock it with key unlock`)
}

function describe(subject: Subject, body: SignedMetadata): void {
    subject.detail = { version: body.document.version, sha256: body.sha256 }
}
