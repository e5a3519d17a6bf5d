import { constants, type KeyObject, type VerifyKeyObjectInput, verify } from "node:crypto"
import { type Algorithm, algorithmOf, type PublicKeyBytes, rawToDer, type Scheme, toKeyObject } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"

type Pinned = { readonly key: KeyObject; readonly algorithm: Algorithm }

const SIGNATURE_LENGTHS: Readonly<Record<Algorithm, number>> = {
    p256: 64,
    p384: 96,
    rsa2048: 256,
    rsa3072: 384,
    rsa4096: 512,
    ed25519: 64,
}
const PSS_SALT = 32
// A verification takes longer than most signatures. One by one it is done on the spot, which is quickest for the one who
// waits; of many at once most go to the runtime's thread pool, so that the event loop is not what all wait for.
const ON_THE_SPOT = 1

/** Verifies our own signatures. Reading a public key costs as much as verifying with it, so it is read once per record. */
export class PinnedVerifier {
    // Weak: a hundred thousand keys are known, a few are in use.
    readonly #keys = new WeakMap<PublicKeyBytes, Pinned>()

    /**
     * TK-SIG-2
     *
     * @param busy how many signatures are being made or verified now
     * @returns false for anything but a good signature of the right length
     */
    async check(publicKey: PublicKeyBytes, scheme: Scheme, message: Uint8Array, signature: Uint8Array, busy: number): Promise<boolean> {
        const { key, algorithm } = this.#pinned(publicKey)
        if (signature.length !== SIGNATURE_LENGTHS[algorithm]) return false
        const digest = scheme === "eddsa" ? null : "sha256"
        try {
            // Node's own conversion of r ‖ s takes a third of the whole verification.
            const native = scheme === "ecdsa" ? rawToDer(signature) : signature
            if (busy <= ON_THE_SPOT) return verify(digest, message, optionsFor(key, scheme), native)
            return await verifyInPool(digest, message, optionsFor(key, scheme), native)
        } catch {
            return false
        }
    }

    #pinned(publicKey: PublicKeyBytes): Pinned {
        const known = this.#keys.get(publicKey)
        if (known !== undefined) return known
        const pinned = { key: toKeyObject(publicKey), algorithm: algorithmOf(publicKey) }
        this.#keys.set(publicKey, pinned)
        return pinned
    }
}

function verifyInPool(digest: string | null, message: Uint8Array, key: VerifyKeyObjectInput, signature: Uint8Array): Promise<boolean> {
    return new Promise((resolve, reject) => {
        verify(digest, message, key, signature, (error, isGood) => (error === null ? resolve(isGood) : reject(error)))
    })
}

function optionsFor(key: KeyObject, scheme: Scheme): VerifyKeyObjectInput {
    switch (scheme) {
        case "ecdsa":
        case "eddsa":
            return { key }
        case "rsapss":
            return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: PSS_SALT }
        case "rsapkcs1v15":
            return { key, padding: constants.RSA_PKCS1_PADDING }
    }
}

export function badSignature(): TrustkeyError {
    return new TrustkeyError("bad_signature", "the signature that came back does not verify; the key was taken out of use")
}
