import type { SealedSecret } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { KeyRecord, TokenHome } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import { objectIdOfSlot, samePublicKey } from "../signer/index.ts"
import { type CardKey, type CardOptions, importToCard, knownOfCard, policiesIn, requireCardOptions } from "./card-keys.ts"
import { cardHome, tokenHome } from "./key-homes.ts"
import type { KeyEntry } from "./key-index.ts"
import type { CopyKeySpec } from "./key-store.ts"
import { sealFor } from "./leaving.ts"
import type { SealedKeys } from "./sealed-keys.ts"
import type { TokenKeys } from "./token-keys.ts"
import type { KnownKey } from "./token-logins.ts"

/** Where the key lies on tokens: its home first, if that is one. */
export function tokenHomes({ home, copies = [] }: Pick<KeyRecord, "home" | "copies">): readonly TokenHome[] {
    return home.kind === "token" ? [home, ...copies] : copies
}

/** Where each of the tokens can be asked of, and what is known to lie there. */
export type CopyRooms = {
    readonly sealed: SealedKeys
    readonly token: TokenKeys
    /** The keys of ours that are on this token. */
    readonly known: readonly KnownKey[]
}

/**
 * Bring a sealed key to a token: from signer to signer, sealed for the second, so that the custodian carries what it can't read; then the
 * token shows that it signs with it. With `present` it lies there already, as after a copy that was interrupted, and is only looked at.
 *
 * @throws token_changed: another token is in its place. key_unfit, already_exists, open_failed, and as TokenKeys
 */
export async function copyToToken({ sealed, token, known }: CopyRooms, entry: KeyEntry, spec: CopyKeySpec): Promise<TokenHome> {
    await requireToken(token, known, spec.serial, spec.asker)
    const home = spec.from.kind === "present" ? await lookAt(token, entry, spec) : await bring(sealed, token, entry, spec, spec.from)
    return { ...home, brought: true }
}

/**
 * TK-KEY-4, before a private key is given away: the serial number a person knows the token by, and, where one of our keys lies there, a
 * signature by it. A twin that has copied serial, label and public keys can't make that one. On a token that holds none yet, the serial number is all there is.
 */
export async function requireToken(
    token: TokenKeys,
    known: readonly KnownKey[],
    serial: string,
    asker: Principal | undefined,
): Promise<void> {
    const { state } = await token.refresh()
    if (state === "absent") throw new TrustkeyError("token_absent", `token ${token.config.name} is not there`)
    const { snapshot } = token
    if (/^0*$/.test(snapshot.serial)) {
        const message = `token ${token.config.name} has no serial number of its own: it can't be told from another, and gets no copy of a key`
        throw new TrustkeyError("token_unfit", message)
    }
    if (snapshot.serial !== serial) {
        const message = `the token in the place of ${token.config.name} says its serial number is ${snapshot.serial}`
        throw new TrustkeyError("token_changed", `${message}; the one that was named is ${serial}`)
    }
    const [key] = known
    if (key === undefined) return
    const found = await token.find(token.uriOfObject(key.id), asker).catch((cause: unknown) => {
        if (!(cause instanceof TrustkeyError) || !["not_found", "object_ambiguous", "key_unfit"].includes(cause.code)) throw cause
        throw notOurs(token, cause)
    })
    if (key.serial !== snapshot.serial || found.publicKey === undefined || !samePublicKey(found.publicKey, key.publicKey))
        throw notOurs(token)
}

function notOurs(token: TokenKeys, cause?: unknown): TrustkeyError {
    const message = `the token in the place of ${token.config.name} does not sign with a key of ours that lies on it`
    return new TrustkeyError("token_changed", `${message}: it gets no other`, { cause })
}

/**
 * That one of the tokens on record signs with the key now: a copy may have been deleted there, and what is sealed would be the last of it.
 *
 * @throws what the first of them says, if none does
 */
export async function requireCopy(record: KeyRecord, tokenOf: (name: string) => TokenKeys, asker: Principal | undefined): Promise<void> {
    let first: unknown
    for (const { token, uri, pinPolicy, touchPolicy } of tokenHomes(record)) {
        try {
            const { publicKey } = await tokenOf(token).find(uri, asker, {
                ...(pinPolicy === undefined ? {} : { pinPolicy }),
                ...(touchPolicy === undefined ? {} : { touchPolicy }),
            })
            if (publicKey !== undefined && samePublicKey(publicKey, record.publicKey)) return
            throw new TrustkeyError("token_changed", `token ${token} shows another key in its place`)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            const message = `nothing was destroyed, for no token shows that it has the key: ${error.message}`
            first ??= new TrustkeyError(error.code, message, { cause: error })
        }
    }
    throw first
}

async function bring(
    sealed: SealedKeys,
    token: TokenKeys,
    entry: KeyEntry,
    { token: name, asker }: CopyKeySpec,
    from: { readonly passphrase: SealedSecret; readonly card?: CardOptions },
): Promise<TokenHome> {
    const { card } = from
    requireCardOptions(token, card)
    const challenge = await token.process.control("challenge", { purpose: "import", subject: `token:${name}`, owner: asker?.name ?? "" })
    const to = token.process.understand(() => ({ signerPublic: challenge.bytes("signerPublic"), nonce: challenge.bytes("nonce") }))
    const pkcs8 = await sealFor(sealed, entry, from.passphrase, name, to)
    if (card !== undefined) return cardHome(token, requireSame(entry, await importToCard(token, pkcs8, card, asker)))
    return tokenHome(token, requireSame(entry, await token.importKey(pkcs8, entry.record.label)))
}

async function lookAt(token: TokenKeys, entry: KeyEntry, { from, asker }: CopyKeySpec): Promise<TokenHome> {
    const { publicKey } = entry.record
    const card = token.isYubikey ? await token.piv.describe() : undefined
    const slot = from.kind === "present" ? from.slot : undefined
    const ids =
        slot === undefined
            ? (await token.objects()).filter((object) => object.publicKey !== undefined && samePublicKey(object.publicKey, publicKey))
            : [{ id: objectIdOfSlot(slot) }]
    const [only] = ids
    if (only === undefined) throw new TrustkeyError("not_found", `token ${token.config.name} does not hold this key`)
    if (ids.length > 1) throw new TrustkeyError("object_ambiguous", `token ${token.config.name} holds this key more than once`)
    const found = requireSame(entry, await token.find(token.uriOfObject(only.id), asker, policiesIn(card, only.id)))
    if (found.extractable) throw new TrustkeyError("key_unfit", `the copy on token ${token.config.name} can be had in clear from it`)
    const { pinPolicy, touchPolicy } = await knownOfCard(token, card, publicKey, only.id)
    return {
        ...tokenHome(token, found),
        ...(pinPolicy === undefined ? {} : { pinPolicy }),
        ...(touchPolicy === undefined ? {} : { touchPolicy }),
    }
}

/** @throws token_changed */
function requireSame<T extends Pick<CardKey, "publicKey"> | { readonly publicKey: CardKey["publicKey"] | undefined }>(
    entry: KeyEntry,
    made: T,
): T {
    if (made.publicKey !== undefined && samePublicKey(made.publicKey, entry.record.publicKey)) return made
    throw new TrustkeyError("token_changed", "the token shows another key than the one that was brought to it")
}
