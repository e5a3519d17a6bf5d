import type { PublicKeyBytes } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { TokenHome } from "../journal/index.ts"
import { importToCard, leftBehind, requireCardOptions } from "./card-keys.ts"
import { requireToken } from "./copies.ts"
import { cardHome, pinned, tokenHome } from "./key-homes.ts"
import type { ImportKeySpec, ImportTokenHome } from "./key-store.ts"
import type { TokenKeys } from "./token-keys.ts"
import type { KnownKey } from "./token-logins.ts"

/** A key from a file that lies on a token now, shown to sign, and is on no record yet. */
export type PlacedKey = {
    readonly publicKey: PublicKeyBytes
    readonly home: TokenHome
    /** Where taking it in fails, that says how the key on the token is taken in later. */
    orLeftBehind<T>(takeIn: () => Promise<T>): Promise<T>
}

/**
 * A private key from a file, put on a token: into a slot of a YubiKey, or as an object that can't be extracted.
 *
 * @param known the keys of ours that are on this token
 * @throws token_changed: it is not the token that was named, which a YubiKey need not be. invalid_request, and as TokenKeys
 */
export async function importToToken(
    token: TokenKeys,
    known: readonly KnownKey[],
    { pkcs8, label, asker }: Pick<ImportKeySpec, "pkcs8" | "label" | "asker">,
    { card, serial }: ImportTokenHome,
): Promise<PlacedKey> {
    requireCardOptions(token, card)
    if (serial !== undefined) await requireToken(token, known, serial, asker)
    if (card !== undefined) {
        const key = await importToCard(token, pkcs8, card, asker)
        return { publicKey: key.publicKey, home: cardHome(token, key), orLeftBehind: (takeIn) => leftBehind(token, card, takeIn) }
    }
    if (serial === undefined) throw new TrustkeyError("invalid_request", "the token's serial number has to be named")
    const facts = await token.importKey(pkcs8, label)
    const home = tokenHome(token, facts)
    return { publicKey: pinned(facts.publicKey), home, orLeftBehind: (takeIn) => onToken(token, home, takeIn) }
}

async function onToken<T>(token: TokenKeys, { uri }: TokenHome, takeIn: () => Promise<T>): Promise<T> {
    try {
        return await takeIn()
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        const how = error.code === "already_exists" ? "" : `, which trustkey key enroll --token ${token.config.name} --uri '${uri}' does`
        throw new TrustkeyError(error.code, `${error.message}; the key lies on token ${token.config.name} and was not taken in${how}`, {
            cause: error,
        })
    }
}
