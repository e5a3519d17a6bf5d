import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { NONCE_LENGTH, openWith, rawPublic, type SealedSecret, type SecretContext } from "./sealed-secret.ts"
import type { Secret } from "./secret.ts"

export const CHALLENGE_LIFE_MS = 120_000
export const MOST_CHALLENGES = 256

type Challenge = SecretContext & { readonly owner: string; readonly until: number }

/**
 * Where a signer process receives secrets (TK-SEC-2): a key pair that lives as long as the process does, and challenges
 * that are good once, for one purpose and subject.
 */
export class SecretInbox implements Disposable {
    /** X25519, 32 bytes */
    readonly publicKey: Uint8Array
    readonly #now: () => number
    /** By nonce in hex; a Map keeps the order of issue, so the first is the oldest. */
    readonly #challenges = new Map<string, Challenge>()
    #privateKey: KeyObject | undefined

    /** @param now milliseconds of a clock that never goes back */
    constructor(now: () => number) {
        const pair = generateKeyPairSync("x25519")
        this.publicKey = rawPublic(pair.publicKey)
        this.#privateKey = pair.privateKey
        this.#now = now
    }

    /**
     * A nonce of 16 bytes, good for two minutes.
     *
     * @param owner who asks: everybody's new keys have one purpose and subject
     */
    challenge(context: SecretContext, owner = ""): Uint8Array {
        const nonce = randomBytes(NONCE_LENGTH)
        if (this.#challenges.size >= MOST_CHALLENGES) this.#makeRoom(context, owner)
        const { purpose, subject } = context
        this.#challenges.set(nonce.toString("hex"), { purpose, subject, owner, until: this.#now() + CHALLENGE_LIFE_MS })
        return nonce
    }

    /** Who asks for many must not lock out the others: his own goes, of the same purpose and subject first; then one of whoever has most. */
    #makeRoom(context: SecretContext, owner: string): void {
        const byOwner = Map.groupBy(this.#challenges, ([, challenge]) => challenge.owner)
        const largest = [...byOwner.values()].reduce((most, those) => (those.length > most.length ? those : most), [])
        const those = byOwner.get(owner) ?? largest
        const [oldest] = those.find(([, other]) => isFor(other, context)) ?? those[0] ?? []
        if (oldest !== undefined) this.#challenges.delete(oldest)
    }

    /**
     * The nonce is used up whether this works or not.
     *
     * @throws challenge_expired: never given out for this purpose and subject, too old, crowded out, or used before
     * @throws open_failed: not sealed for this process, purpose, subject and nonce, or damaged
     */
    open(context: SecretContext, sealed: SealedSecret): Secret {
        const name = Buffer.from(sealed.nonce).toString("hex")
        const challenge = this.#challenges.get(name)
        this.#challenges.delete(name)
        if (this.#privateKey === undefined || !isGood(challenge, context, this.#now())) {
            throw new TrustkeyError("challenge_expired", "this challenge is used up or too old: ask for a new one")
        }
        const secret = openWith(this.#privateKey, context, sealed)
        if (secret === undefined) throw new TrustkeyError("open_failed", "the sealed secret can't be opened")
        return secret
    }

    /** Nothing opens from now on. The runtime gives the private key's memory back in its own time. */
    [Symbol.dispose](): void {
        this.#challenges.clear()
        this.#privateKey = undefined
    }
}

function isGood(challenge: Challenge | undefined, context: SecretContext, now: number): boolean {
    return challenge !== undefined && now < challenge.until && isFor(challenge, context)
}

function isFor(challenge: Challenge, context: SecretContext): boolean {
    return challenge.purpose === context.purpose && challenge.subject === context.subject
}
