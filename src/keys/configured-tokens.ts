import { type Algorithm, algorithmOf, type PublicKeyBytes } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import type { TokenHome } from "../journal/index.ts"
import type { PivDescription, QuirksFile } from "../signer/index.ts"
import { canonicalKeyIdOf, type KeyId, tufKey } from "../tuf/index.ts"
import type { KeyState, KeyStoreOptions, TokenObject } from "./key-store.ts"
import { tokenByUri } from "./token-by-uri.ts"
import type { TokenExamination } from "./token-examination.ts"
import { TokenKeys } from "./token-keys.ts"
import type { KnownKey, PinTryRecords } from "./token-logins.ts"
import type { TokenState } from "./token-state.ts"
import type { Touches } from "./touch.ts"

/** The tokens that the configuration names, each with its signer process. */
export class ConfiguredTokens {
    readonly #tokens = new Map<string, TokenKeys>()

    /** @param knownOn the keys of ours that lie on a token, by its name */
    constructor(
        options: KeyStoreOptions,
        touches: Touches,
        tries: PinTryRecords,
        quirks: ReadonlyMap<string, QuirksFile | TrustkeyError>,
        knownOn: (token: string) => Iterable<KnownKey>,
    ) {
        const { execPath, nodeFlags, monotonic, log, now, credentialsDirectory, store, defaultTtlSeconds, quirksDirectory } = options
        const process = { execPath, nodeFlags, monotonic, log, file: options.signerFiles.pkcs11 }
        for (const config of options.tokens) {
            const known = (): Iterable<KnownKey> => knownOn(config.name)
            const own = { config, known, quirks: quirks.get(config.name) }
            this.#tokens.set(
                config.name,
                new TokenKeys({ ...own, process, credentialsDirectory, store, touches, now, tries, defaultTtlSeconds, quirksDirectory }),
            )
        }
    }

    get all(): readonly TokenKeys[] {
        return [...this.#tokens.values()]
    }

    find(name: string): TokenKeys | undefined {
        return this.#tokens.get(name)
    }

    /** @throws not_found */
    get(name: string): TokenKeys {
        const token = this.#tokens.get(name)
        if (token === undefined) throw new TrustkeyError("not_found", "no such token is configured")
        return token
    }

    /** Of a key there. */
    stateOn(home: TokenHome): KeyState {
        const token = this.#tokens.get(home.token)
        if (token === undefined) return { state: "absent", ready: false }
        return { state: token.keyState, ready: token.isReady, ...limitsOf(token.lease) }
    }

    /** See KeyStore.examine. */
    async examine(tokenOrUri: string, write: boolean): Promise<TokenExamination> {
        const token = this.#tokens.get(tokenOrUri) ?? tokenByUri(this.all, tokenOrUri)
        return await token.examine(write)
    }

    /** See KeyStore.objects. */
    async objects(name: string): Promise<readonly TokenObject[]> {
        const token = this.get(name)
        return (await token.objects()).map((key) => ({
            uri: token.uriOf(key),
            label: key.label,
            id: key.id,
            ...describePublicKey(key.publicKey),
            local: key.local,
            sensitive: key.sensitive,
            extractable: key.extractable,
            alwaysAuthenticate: key.alwaysAuthenticate,
        }))
    }

    /** See KeyStore.describeToken. */
    async describe(name: string): Promise<{ readonly state: TokenState; readonly card: PivDescription | undefined }> {
        const token = this.get(name)
        const card = await cardOf(token)
        return { state: await token.refresh(), card }
    }
}

/** Undefined: it is no YubiKey, or none that can be reached. */
export async function cardOf(token: TokenKeys): Promise<PivDescription | undefined> {
    await token.refresh()
    return token.isYubikey ? await token.piv.describe() : undefined
}

function describePublicKey(publicKey: PublicKeyBytes | undefined): { algorithm: Algorithm | undefined; keyId: KeyId | "" } {
    if (publicKey === undefined) return { algorithm: undefined, keyId: "" }
    const keyId = canonicalKeyIdOf(tufKey(publicKey))
    try {
        return { algorithm: algorithmOf(publicKey), keyId }
    } catch (error) {
        // RSA-1024, say: it is there, and we would not use it.
        if (error instanceof TrustkeyError) return { algorithm: undefined, keyId }
        throw error
    }
}

export function limitsOf({ until, usesLeft }: TokenKeys["lease"]): Pick<KeyState, "until" | "usesLeft"> {
    return { ...(until === undefined ? {} : { until }), ...(usesLeft === undefined ? {} : { usesLeft }) }
}
