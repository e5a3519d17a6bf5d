import type { Algorithm, PublicKeyBytes, SealedSecret } from "../crypto/index.ts"
import {
    encodeSealed,
    type Fields,
    type ManagementAlgorithm,
    type PinPolicy,
    type PivDescription,
    type PivSlot,
    parsePivDescription,
    parsePublicKey,
    type TouchPolicy,
    toBase64,
} from "../signer/index.ts"

/** DER: what a card states of a key that it made, and the certificate of the key it signs such statements with. */
export type PivAttestation = {
    readonly attestation: Uint8Array
    readonly intermediate: Uint8Array
    /** The card's, decimal. */
    readonly serial: string
}

/** How a key gets into a slot. */
export type PivPlacement = {
    readonly slot: PivSlot
    readonly pinPolicy: PinPolicy
    readonly touchPolicy: TouchPolicy
    /** Hexadecimal digits, as people write it, sealed with the purpose `management-key` and the subject `token:<name>`. */
    readonly managementKey: SealedSecret
}

type Call = (operation: string, request: Readonly<Record<string, unknown>>) => Promise<Fields>

/** What a token's signer is asked to do with a YubiKey, besides PKCS#11. The module lets go of the card meanwhile; the login goes on. */
export class PivRequests {
    readonly #token: string
    readonly #call: Call
    readonly #understand: <T>(read: () => T) => T

    /** @param token its name in the configuration */
    constructor(token: string, call: Call, understand: <T>(read: () => T) => T) {
        this.#token = token
        this.#call = call
        this.#understand = understand
    }

    /** What the card says of itself. */
    async describe(): Promise<PivDescription> {
        const answer = await this.#call("piv-describe", {})
        return this.#understand(() => parsePivDescription(answer))
    }

    /** @throws not_found: no key in this slot was made on the card */
    async attest(slot: PivSlot): Promise<PivAttestation> {
        const answer = await this.#call("piv-attest", { slot })
        return this.#understand(() => parseAttestation(answer))
    }

    /**
     * TK-KEY-2: made in that slot or not at all. It has signed nothing yet: `find` shows that it can.
     *
     * @throws already_exists, key_unfit, management_key_incorrect
     */
    async generate(
        algorithm: Algorithm,
        placement: PivPlacement,
    ): Promise<{ readonly publicKey: PublicKeyBytes } & Partial<PivAttestation>> {
        const answer = await this.#call("piv-generate", { algorithm, ...this.#placement(placement) })
        return this.#understand(() => ({
            publicKey: parsePublicKey(answer.fields("publicKey")),
            ...(answer.has("attestation") ? parseAttestation(answer) : {}),
        }))
    }

    /**
     * @param pkcs8 sealed with the purpose `import` and the subject `token:<name>`
     * @throws already_exists, key_unfit, management_key_incorrect
     */
    async importKey(pkcs8: SealedSecret, placement: PivPlacement): Promise<PublicKeyBytes> {
        const answer = await this.#call("piv-import", { pkcs8: this.#sealed(pkcs8, "import"), ...this.#placement(placement) })
        return this.#understand(() => parsePublicKey(answer.fields("publicKey")))
    }

    /**
     * @param certificate DER
     * @param replace SHA-256, in hexadecimal, of the one that may go
     * @throws already_exists: there is another one. management_key_incorrect
     */
    async putCertificate(slot: PivSlot, certificate: Uint8Array, managementKey: SealedSecret, replace?: string): Promise<void> {
        const key = this.#sealed(managementKey, "management-key")
        await this.#call("piv-put-certificate", { slot, certificate: toBase64(certificate), managementKey: key, replace })
    }

    /** @param next sealed with the purpose `management-key-new` @throws management_key_incorrect, invalid_request */
    async setManagementKey(old: SealedSecret, next: SealedSecret, algorithm: ManagementAlgorithm): Promise<void> {
        const keys = { old: this.#sealed(old, "management-key"), new: this.#sealed(next, "management-key-new") }
        await this.#call("piv-set-management-key", { ...keys, algorithm })
    }

    #placement({ slot, pinPolicy, touchPolicy, managementKey }: PivPlacement): Readonly<Record<string, unknown>> {
        return { slot, pinPolicy, touchPolicy, managementKey: this.#sealed(managementKey, "management-key") }
    }

    #sealed(sealed: SealedSecret, purpose: string): object {
        return { sealed: encodeSealed(sealed), context: { purpose, subject: `token:${this.#token}` } }
    }
}

function parseAttestation(answer: Fields): PivAttestation {
    return { attestation: answer.bytes("attestation"), intermediate: answer.bytes("intermediate"), serial: answer.text("serial") }
}
