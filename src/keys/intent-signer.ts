import { TrustkeyError } from "../errors.ts"
import type { Intent, KeyRecord, TokenHome } from "../journal/index.ts"
import type { ConfiguredTokens } from "./configured-tokens.ts"
import { tokenHomes } from "./copies.ts"
import type { KeyEntry } from "./key-index.ts"
import type { KeyStoreOptions } from "./key-store.ts"
import { badSignature, PinnedVerifier } from "./pinned-verifier.ts"
import type { SealedKeys } from "./sealed-keys.ts"
import type { TokenKeys } from "./token-keys.ts"
import type { Occasion, Touch } from "./touch.ts"

const NOT_THERE: readonly string[] = ["token_absent", "token_failed", "token_changed"]

/** TK-SIG-1: what is promised, and nothing else, goes to a signer; TK-SIG-2: what comes back is verified before anybody gets it. */
export class IntentSigner {
    readonly #sealed: SealedKeys
    readonly #tokens: ConfiguredTokens
    readonly #log: KeyStoreOptions["log"]
    readonly #verifier = new PinnedVerifier()
    /** Signatures that a token is making, by the promise's number. */
    readonly #underway = new Map<number, { readonly touch: Touch; readonly signature: Promise<Uint8Array> }>()
    #signing = 0

    constructor(sealed: SealedKeys, tokens: ConfiguredTokens, log: KeyStoreOptions["log"]) {
        this.#sealed = sealed
        this.#tokens = tokens
        this.#log = log
    }

    /** Where it is sealed and open, or on the likeliest of its tokens. @throws as KeyStore.sign */
    async sign(entry: KeyEntry, intent: Intent, occasion: Occasion | undefined): Promise<Uint8Array> {
        const homes = this.#whereToSign(entry.record)
        if (homes.length === 0) return this.#verified(entry, intent, this.#sealed, this.#sealed.sign(entry, intent.scheme, intent.bytes))
        let absence: unknown
        for (const home of homes) {
            try {
                return await this.#signOn(entry, home, intent, occasion)
            } catch (error) {
                // It was pulled out a moment ago, is broken, or has the key no more: another that has it may be there. What a person refused
                // or missed is an answer.
                if (!(error instanceof TrustkeyError) || !NOT_THERE.includes(error.code)) throw error
                if (error.code === "token_changed")
                    this.#log({ level: "error", event: "copy-not-there", keyId: entry.record.id, token: home.token })
                absence ??= error
            }
        }
        throw absence
    }

    /** Tokens to sign on, the likeliest first; none: where it is sealed. */
    #whereToSign(record: KeyRecord): readonly TokenHome[] {
        const homes = tokenHomes(record)
        if (homes.length < 2 && record.home.kind === "token") return homes
        if (record.home.kind !== "token" && this.#sealed.leaseOf(record) !== undefined) return []
        const present = homes.filter((home) => this.#tokens.stateOn(home).state !== "absent")
        const ready = present.filter((home) => this.#tokens.stateOn(home).ready)
        if (present.length === 0) return record.home.kind === "token" ? homes : []
        return [...ready, ...present.filter((home) => !ready.includes(home))]
    }

    async #signOn(entry: KeyEntry, home: TokenHome, intent: Intent, occasion: Occasion | undefined): Promise<Uint8Array> {
        const underway = this.#underway.get(intent.sequence)
        if (underway !== undefined) {
            underway.touch.join(occasion)
            return underway.signature
        }
        const token = this.#tokens.get(home.token)
        const { gun, role, version } = intent
        const touch = token.expectTouch(entry.record, home, { gun, role, version, closesCeremony: intent.kind === "ceremony-close" })
        touch.join(occasion)
        const signature = this.#verified(entry, intent, token, token.sign(entry, home, intent.scheme, intent.bytes, touch))
        this.#underway.set(intent.sequence, { touch, signature })
        try {
            return await signature
        } finally {
            this.#underway.delete(intent.sequence)
        }
    }

    async #verified(entry: KeyEntry, intent: Intent, signer: SealedKeys | TokenKeys, made: Promise<Uint8Array>): Promise<Uint8Array> {
        this.#signing += 1
        try {
            const signature = await made
            // TK-SIG-2: against the public key of our own record. Catches a swapped card, a wrong slot, broken memory, an evil twin.
            const { publicKey } = entry.record
            if (await this.#verifier.check(publicKey, intent.scheme, intent.bytes, signature, this.#signing)) return signature
        } finally {
            this.#signing -= 1
        }
        signer.distrust()
        this.#log({ level: "error", event: "bad-signature", keyId: entry.record.id })
        throw badSignature()
    }
}
