import type { Algorithm } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { Binding, PinPolicy, Purpose, TokenHome } from "../journal/index.ts"
import type { CreateKeySpec, EnrollKeySpec, ImportKeySpec } from "../keys/index.ts"
import { authorize, isAllowed, mayInRole, type Principal } from "../policy/index.ts"
import { attestedView, type KeyView, placesText, requirePurpose } from "./keys.ts"
import { isOwn, makerOf } from "./places.ts"
import { recorded, type Subject } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

export type CreateKeyRequest = Omit<CreateKeySpec, "madeBy" | "asker"> & PinOnce

type PinOnce = {
    /** A root key although its slot does not ask for the PIN each time. */
    readonly acceptPinOnce?: boolean
}

export async function createKey(rooms: Rooms, principal: Principal, request: CreateKeyRequest): Promise<KeyView> {
    const { algorithm, purpose, home, bindings } = request
    const subject: Subject = { detail: { algorithm, purpose, home: home.kind, ...placedOn(home), ...boundTo(bindings) } }
    return await recorded(rooms, principal, "create-key", subject, async () => {
        return await inNewKeysTurn(rooms, principal, "create-key", request, async (madeBy) => {
            requireFit(algorithm, purpose, bindings)
            requirePlacement(rooms, principal, request)
            const record = await rooms.keys.create({ ...request, madeBy, asker: principal })
            subject.keyId = record.id
            return attestedView(rooms, principal, record, subject)
        })
    })
}

export type ImportKeyRequest = Omit<ImportKeySpec, "madeBy" | "asker" | "checkAlgorithm"> & PinOnce

/** Take in a private key from a file. What it is, only the signer sees; it is recorded as imported for ever. */
export async function importKey(rooms: Rooms, principal: Principal, request: ImportKeyRequest): Promise<KeyView> {
    const { purpose, bindings } = request
    const subject: Subject = { detail: { purpose, home: request.home.kind, ...placedOn(request.home), ...boundTo(bindings) } }
    return await recorded(rooms, principal, "import-key", subject, async () => {
        return await inNewKeysTurn(rooms, principal, "import-key", request, async (madeBy) => {
            requirePurpose(purpose, bindings)
            requirePlacement(rooms, principal, request)
            const checkAlgorithm = (algorithm: Algorithm): void => {
                subject.detail = { ...subject.detail, algorithm }
                requireFit(algorithm, purpose, bindings)
            }
            const record = await rooms.keys.importKey({ ...request, madeBy, asker: principal, checkAlgorithm })
            subject.keyId = record.id
            return attestedView(rooms, principal, record, subject)
        })
    })
}

/** Keys bound to nothing that somebody whose rules are limited may have at a time. */
const MOST_UNBOUND = 100

/**
 * A key is made for places the caller may make keys for; without any that needs a rule without limits. But a signer's key is made before
 * a repository lets it sign: one for delegations, labelled NAME, may be made by whoever may make one for the role targets/NAME of any
 * repository. No place stands for such keys, so there may be only so many.
 *
 * @throws denied, invalid_request
 */
async function inNewKeysTurn<T>(
    rooms: Rooms,
    principal: Principal,
    action: "create-key" | "import-key",
    { purpose, label, bindings }: Pick<CreateKeyRequest, "purpose" | "label" | "bindings">,
    make: (madeBy: string) => Promise<T>,
): Promise<T> {
    const policy = rooms.policy()
    const madeBy = makerOf(principal)
    const needsNoPlace = bindings.length === 0 && purpose === "delegation" && mayInRole(policy, principal, action, `targets/${label}`)
    if (!needsNoPlace || isAllowed(policy, principal, action, [])) {
        authorize(policy, principal, action, bindings)
        return await make(madeBy)
    }
    return await rooms.turns.take(`new keys of ${madeBy}`, async () => {
        let count = 0
        for (const key of rooms.keys.list()) if (key.removedAt === undefined && isOwn(principal, key)) count += 1
        if (count >= MOST_UNBOUND)
            throw new TrustkeyError("invalid_request", `you have ${count} keys that are bound nowhere; bind them, or have them removed`)
        return await make(madeBy)
    })
}

export type EnrollKeyRequest = Omit<EnrollKeySpec, "madeBy" | "asker" | "checkHome"> & PinOnce

/** Take in a private key that is on a token already. */
export async function enrollKey(rooms: Rooms, principal: Principal, request: EnrollKeyRequest): Promise<KeyView> {
    const subject: Subject = { detail: { token: request.token, purpose: request.purpose, ...boundTo(request.bindings) } }
    return await recorded(rooms, principal, "enroll-key", subject, async () => {
        authorize(rooms.policy(), principal, "enroll-key", request.bindings)
        requirePurpose(request.purpose, request.bindings)
        const checkHome = ({ pinPolicy }: TokenHome, isYubikey: boolean): void => {
            if (isYubikey) requirePinAlways(request, pinPolicy)
        }
        const record = await rooms.keys.enroll({ ...request, madeBy: makerOf(principal), asker: principal, checkHome })
        subject.keyId = record.id
        return attestedView(rooms, principal, record, subject)
    })
}

function placedOn(home: CreateKeyRequest["home"] | ImportKeyRequest["home"]): Record<string, string> {
    if (home.kind !== "token") return {}
    const { token, card } = home
    const serial = "serial" in home ? { serial: home.serial } : {}
    if (card === undefined) return { token, ...serial }
    return { token, ...serial, slot: card.slot, pinPolicy: card.pinPolicy, touchPolicy: card.touchPolicy }
}

/** @throws denied, key_unfit */
function requirePlacement(rooms: Rooms, principal: Principal, request: Pick<CreateKeyRequest, "purpose" | "home" | "acceptPinOnce">): void {
    if (request.home.kind !== "token" || request.home.card === undefined) return
    const { pin, pinPolicy } = request.home.card
    // It is a login like any other.
    if (pin !== undefined) authorize(rooms.policy(), principal, "login", [])
    requirePinAlways(request, pinPolicy)
}

/**
 * While somebody is logged in, a slot that wants the PIN once signs for everybody who reaches the card reader, this daemon or not.
 *
 * @throws key_unfit
 */
export function requirePinAlways(
    { purpose, acceptPinOnce }: Pick<CreateKeyRequest, "purpose" | "acceptPinOnce">,
    pinPolicy: PinPolicy | undefined,
): void {
    if (purpose !== "root" || pinPolicy === "always" || acceptPinOnce === true) return
    const known =
        pinPolicy === undefined
            ? "the card can't say how often it asks for this key's PIN"
            : `this slot asks for the PIN ${ASKED[pinPolicy]}`
    throw new TrustkeyError(
        "key_unfit",
        `${known}: while somebody is logged in, whoever reaches the card reader can sign with it; a root key wants PIN policy "always", or --accept-pin-once`,
    )
}

const ASKED = { never: "never", once: "once, not for every signature", always: "for every signature" } as const satisfies Record<
    PinPolicy,
    string
>

/** Where a new key may sign from its first moment on: nobody asks for that with `bind`. */
function boundTo(bindings: readonly Binding[]): { readonly bound?: string } {
    return bindings.length === 0 ? {} : { bound: placesText(bindings) }
}

/** @throws key_unfit */
function requireFit(algorithm: Algorithm, purpose: Purpose, bindings: readonly Binding[]): void {
    // A Notary root key is known by its certificate, and its clients can make or read none for Ed25519.
    if (purpose === "root" && algorithm === "ed25519")
        throw new TrustkeyError(
            "key_unfit",
            "Notary needs a certificate for a root key, and can't use one with Ed25519; take p256, p384 or RSA",
        )
    requirePurpose(purpose, bindings)
}
