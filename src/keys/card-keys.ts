import {
    type Algorithm,
    type AttestationRoots,
    type AttestationVerdict,
    NO_ATTESTATION_ROOTS,
    type PublicKeyBytes,
    type SealedSecret,
    verifyAttestation,
} from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeptAttestation, KeyRecord, PinPolicy, TokenHome, TouchPolicy } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import {
    type KnownPolicies,
    objectIdOfSlot,
    type PivDescription,
    type PivSlot,
    type PivSlotFacts,
    parsePkcs11Uri,
    samePublicKey,
    slotOfObjectId,
    type TokenKeyFacts,
} from "../signer/index.ts"
import type { TokenKeys } from "./token-keys.ts"
import { NO_LIMITS } from "./token-logins.ts"

/** How a new key is to lie in a YubiKey, and what that takes. */
export type CardOptions = {
    readonly slot: PivSlot
    readonly pinPolicy: PinPolicy
    readonly touchPolicy: TouchPolicy
    readonly managementKey: SealedSecret
    /** For a login after the card was given back to the PKCS#11 module, if one is needed. */
    readonly pin?: SealedSecret
}

/** A key in a slot, shown to sign, and what is known of it. */
export type CardKey = { readonly facts: TokenKeyFacts; readonly publicKey: PublicKeyBytes } & CardFacts
export type CardFacts = Pick<TokenHome, "pinPolicy" | "touchPolicy" | "attestation">

/**
 * TK-KEY-3: a key made in a slot of a YubiKey, with the card's attestation, which must fit: this key, this card, this slot, and policies at
 * least as strict as asked for. Whether the card is Yubico's is said with the key, and refuses nothing.
 *
 * @throws attestation_invalid, already_exists, management_key_incorrect, and as TokenKeys
 */
export async function makeOnCard(
    token: TokenKeys,
    algorithm: Algorithm,
    options: CardOptions,
    asker: Principal | undefined,
): Promise<CardKey> {
    const { slot, pinPolicy, touchPolicy, managementKey } = options
    const { publicKey, ...made } = await token.piv.generate(algorithm, { slot, pinPolicy, touchPolicy, managementKey })
    const { attestation: certificate, intermediate, serial } = made
    const isAttested = certificate !== undefined && intermediate !== undefined && serial !== undefined
    const attestation = isAttested ? { certificate, intermediate, serial } : undefined
    if (attestation !== undefined) requireFit(attestation, { publicKey, slot, pinPolicy, touchPolicy })
    const facts = await leftBehind(token, options, () => showToSign(token, publicKey, options, asker))
    return { facts, publicKey, pinPolicy, touchPolicy, ...(attestation === undefined ? {} : { attestation }) }
}

/** @throws invalid_request: a YubiKey without them, or another token with them */
export function requireCardOptions(token: TokenKeys, card: CardOptions | undefined): void {
    if (token.isYubikey && card === undefined)
        throw new TrustkeyError("invalid_request", "on a YubiKey a key needs a slot, its policies and the card's management key")
    if (!token.isYubikey && card !== undefined)
        throw new TrustkeyError("invalid_request", "slots and policies are a YubiKey's, and this token is none that can be reached")
}

/** A private key from a file, put into a slot; the signer works out its public half. */
export async function importToCard(
    token: TokenKeys,
    pkcs8: SealedSecret,
    options: CardOptions,
    asker: Principal | undefined,
): Promise<CardKey> {
    const { slot, pinPolicy, touchPolicy, managementKey } = options
    const publicKey = await token.piv.importKey(pkcs8, { slot, pinPolicy, touchPolicy, managementKey })
    const facts = await leftBehind(token, options, () => showToSign(token, publicKey, options, asker))
    return { facts, publicKey, pinPolicy, touchPolicy }
}

/** What a YubiKey says of the key with this id, before it is found; nothing of another token. */
export function policiesIn(card: PivDescription | undefined, id: Uint8Array | undefined): KnownPolicies {
    const facts = card?.slots.find(({ slot }) => id !== undefined && objectIdOfSlot(slot).equals(id))
    return facts === undefined ? {} : policiesOf(facts)
}

/** What a YubiKey says of a key that is on it already; nothing of another token. @throws attestation_invalid */
export async function knownOfCard(
    token: TokenKeys,
    card: PivDescription | undefined,
    publicKey: PublicKeyBytes,
    id: Uint8Array,
): Promise<CardFacts & { readonly imported: boolean }> {
    if (!token.isYubikey) return { imported: false }
    const { slots } = card ?? (await token.piv.describe())
    const holding = slots.filter((facts) => facts.publicKey !== undefined && samePublicKey(facts.publicKey, publicKey))
    // A key that was imported twice lies in two slots, each with policies of its own. OpenSC has other ids for some retired slots.
    const found = holding.find(({ slot }) => objectIdOfSlot(slot).equals(id)) ?? (holding.length === 1 ? holding[0] : undefined)
    if (found === undefined) throw new TrustkeyError("token_changed", "the card does not show this key in the slot it was found in")
    const attestation = found.origin === "imported" ? undefined : await attestationIn(token, found.slot)
    if (attestation === undefined) return { ...policiesOf(found), imported: found.origin === "imported" }
    const { pinPolicy, touchPolicy } = requireFit(attestation, { publicKey, slot: found.slot, ...policiesOf(found) })
    return { pinPolicy, touchPolicy, attestation, imported: false }
}

/** Once more, offline: what the attestation kept with a key is worth today. Undefined: it has none. */
export function judgeAttestation(
    { publicKey, home }: Pick<KeyRecord, "publicKey" | "home">,
    roots: AttestationRoots = NO_ATTESTATION_ROOTS,
): AttestationVerdict | undefined {
    if (home.kind !== "token" || home.attestation === undefined) return undefined
    const { pinPolicy, touchPolicy, attestation } = home
    const policies = { ...(pinPolicy === undefined ? {} : { pinPolicy }), ...(touchPolicy === undefined ? {} : { touchPolicy }) }
    return verifyAttestation(attestation, { publicKey, serial: attestation.serial, ...policies }, roots)
}

/** The slot a key of a YubiKey lies in: its object's id says it, in the modules that know the card. @throws key_unfit */
export function slotOfHome({ uri }: TokenHome): PivSlot {
    const slot = slotOfObjectId(parsePkcs11Uri(uri).id)
    if (slot === undefined) throw new TrustkeyError("key_unfit", "this key is in no slot that is known here")
    return slot
}

/** Found as anybody finds it, through PKCS#11, and shown to sign: the canary. Whatever is there must be the key that was made. */
async function showToSign(
    token: TokenKeys,
    publicKey: PublicKeyBytes,
    { slot, pin, pinPolicy, touchPolicy }: CardOptions,
    asker: Principal | undefined,
): Promise<TokenKeyFacts> {
    const uri = token.uriOfObject(objectIdOfSlot(slot))
    const policies = { pinPolicy, touchPolicy }
    const found = await token.find(uri, asker, policies).catch(async (error: unknown) => {
        if (pin === undefined || !(error instanceof TrustkeyError) || error.code !== "login_required") throw error
        await token.login(pin, false, NO_LIMITS)
        return token.find(uri, asker, policies)
    })
    if (found.publicKey !== undefined && samePublicKey(found.publicKey, publicKey)) return found
    throw new TrustkeyError("token_changed", `slot ${slot} shows another key than the one that was just put there`)
}

/** The key lies in its slot already, and nobody overwrites it: say how it can be taken in when what failed is mended. */
export async function leftBehind<T>(token: TokenKeys, { slot }: CardOptions, takeIn: () => Promise<T>): Promise<T> {
    try {
        return await takeIn()
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code === "token_changed") throw error
        const how = error.code === "already_exists" ? "" : `, which trustkey token enroll ${token.config.name} --slot ${slot} does`
        const message = `${error.message}; the new key lies in slot ${slot} and was not taken in${how}`
        throw new TrustkeyError(error.code, message, { cause: error })
    }
}

/** Undefined: the card has none to give, as for a key that came from a file. */
async function attestationIn(token: TokenKeys, slot: PivSlot): Promise<KeptAttestation | undefined> {
    try {
        const { attestation: certificate, intermediate, serial } = await token.piv.attest(slot)
        return { certificate, intermediate, serial }
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "not_found") return undefined
        throw error
    }
}

type Expected = { publicKey: PublicKeyBytes; slot: PivSlot } & { readonly pinPolicy?: PinPolicy; readonly touchPolicy?: TouchPolicy }

function requireFit(
    attestation: KeptAttestation,
    expected: Expected,
): { readonly pinPolicy: PinPolicy; readonly touchPolicy: TouchPolicy } {
    const verdict = verifyAttestation(attestation, { ...expected, serial: attestation.serial })
    if (verdict.verdict !== "invalid") return verdict.facts
    throw new TrustkeyError(
        "attestation_invalid",
        `the card's attestation of the key in slot ${expected.slot} is not valid: ${verdict.problem}`,
    )
}

function policiesOf({ pinPolicy, touchPolicy }: PivSlotFacts): Pick<CardFacts, "pinPolicy" | "touchPolicy"> {
    return { ...(pinPolicy === "unknown" ? {} : { pinPolicy }), ...(touchPolicy === "unknown" ? {} : { touchPolicy }) }
}
