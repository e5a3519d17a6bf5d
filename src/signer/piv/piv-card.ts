import type { Algorithm, PublicKeyBytes, Secret } from "../../crypto/index.ts"
import type { CardLink } from "./apdu.ts"
import { PivApplet } from "./applet.ts"
import { authenticate, readManagementKey, setManagementKey } from "./authentication.ts"
import { type ManagementAlgorithm, PIV_SLOTS, type PivDescription, type PivSlot } from "./description.ts"
import { type GeneratedKey, generate, importKey, type KeyPolicies, putCertificate } from "./placement.ts"
import { changePin, changePuk, describeReferences, pinTries, pukTries, unblockPin } from "./references.ts"
import { type Attestation, attest, describeSlot, readCertificate } from "./slots.ts"

/**
 * What can be done with a YubiKey's PIV applet. What it says is a claim: a card can lie about everything but the signatures of its keys.
 * No secret is tried twice, and none is tried that is the last try unless told.
 */
export class PivCard {
    readonly #applet: PivApplet

    private constructor(applet: PivApplet) {
        this.#applet = applet
    }

    /** @throws token_failed: no YubiKey's PIV applet. What the link throws */
    static open(link: CardLink): PivCard {
        return new PivCard(PivApplet.open(link))
    }

    /** Decimal */
    get serial(): string {
        return this.#applet.serial
    }

    /** Everything it says of itself without PIN and management key. */
    describe(): PivDescription {
        return {
            serial: this.serial,
            firmware: this.#applet.firmware.join("."),
            managementKey: readManagementKey(this.#applet),
            ...describeReferences(this.#applet),
            slots: PIV_SLOTS.map((slot) => describeSlot(this.#applet, slot)).filter((facts) => facts !== undefined),
        }
    }

    /** Tries left for the PIN; undefined when the card can't say. */
    pinTries(): number | undefined {
        return pinTries(this.#applet)
    }

    /** Tries left for the PUK; undefined before firmware 5.3, which says it to who tries only. */
    pukTries(): number | undefined {
        return pukTries(this.#applet)
    }

    /**
     * @throws pin_incorrect, pin_blocked: what the card said of `old`
     * @throws pin_final_try: one try is left, and nothing was tried
     * @throws invalid_request: the card can't have `next` as its PIN
     */
    changePin(old: Secret, next: Secret, evenFinalTry = false): void {
        changePin(this.#applet, old, next, evenFinalTry)
    }

    /** @throws puk_incorrect, puk_blocked, pin_final_try, invalid_request as changePin */
    changePuk(old: Secret, next: Secret, evenFinalTry = false): void {
        changePuk(this.#applet, old, next, evenFinalTry)
    }

    /** A new PIN with all its tries. @throws puk_incorrect, puk_blocked, pin_final_try (the PUK's), invalid_request */
    unblockPin(puk: Secret, next: Secret, evenFinalTry = false): void {
        unblockPin(this.#applet, puk, next, evenFinalTry)
    }

    /**
     * Show the management key, and have the card show that it has it too. One try.
     *
     * @throws management_key_incorrect. token_changed: the card took a key it doesn't have
     */
    authenticate(key: Secret): void {
        authenticate(this.#applet, key)
    }

    /**
     * `old` is shown, `next` is what counts afterwards. Who had to touch the card for the old one has to for the new.
     *
     * @throws management_key_incorrect. invalid_request: `next` can't be one, or everybody knows it
     */
    setManagementKey(old: Secret, next: Secret, algorithm: ManagementAlgorithm): void {
        setManagementKey(this.#applet, old, next, algorithm)
    }

    /**
     * A new key in an empty slot. It is compared with what was asked for; what the card says beyond that is for its attestation to prove.
     *
     * @throws already_exists: there is a key, which is never overwritten. key_unfit: the card can't, or made another key
     * @throws management_key_incorrect
     */
    generate(slot: PivSlot, algorithm: Algorithm, policies: KeyPolicies, managementKey: Secret): GeneratedKey {
        return generate(this.#applet, slot, algorithm, policies, managementKey)
    }

    /**
     * @param pkcs8 what is given to the card; in its place nothing remains here
     * @throws already_exists, key_unfit, management_key_incorrect as generate
     */
    importKey(slot: PivSlot, pkcs8: Secret, policies: KeyPolicies, managementKey: Secret): PublicKeyBytes {
        return importKey(this.#applet, slot, pkcs8, policies, managementKey)
    }

    /**
     * The card's statement that a key was made on it, and what signed that.
     *
     * @throws not_found: no key, or one that was not made here
     */
    attest(slot: PivSlot): Attestation {
        return attest(this.#applet, slot)
    }

    /** DER */
    certificate(slot: PivSlot): Buffer | undefined {
        return readCertificate(this.#applet, slot)
    }

    /**
     * @param replace SHA-256 in hexadecimal of the certificate that is there and may go
     * @throws already_exists: there is another one. invalid_request: it is for another key than the slot's
     * @throws management_key_incorrect. token_failed: no room, or something else is there afterwards
     */
    putCertificate(slot: PivSlot, certificate: Uint8Array, managementKey: Secret, replace?: string): void {
        putCertificate(this.#applet, slot, certificate, managementKey, replace)
    }
}
