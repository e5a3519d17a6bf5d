import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type Algorithm, algorithmOfObject, type PublicKeyBytes, publicKeyBytes } from "./algorithm.ts"
import { checkPkcs8 } from "./private-key-forms.ts"
import { Secret } from "./secret.ts"

// Private keys are PKCS#8 DER in Buffers. No PEM, no JWK, no forge: text can't be wiped.

const PKCS8_DER = { type: "pkcs8", format: "der" } as const

/** Blocks: P-256 for less than a millisecond, RSA-4096 for a second or more. */
export function generatePrivateKey(algorithm: Algorithm): { pkcs8: Secret; publicKey: PublicKeyBytes } {
    const { privateKey, publicKey } = generatePair(algorithm)
    return { pkcs8: new Secret(privateKey.export(PKCS8_DER)), publicKey: publicKeyBytes(publicKey) }
}

/** @throws key_unfit */
export function publicKeyOf(pkcs8: Secret): PublicKeyBytes {
    return publicKeyBytes(createPublicKey(openPrivateKey(pkcs8)))
}

/**
 * The runtime keeps its own copy for as long as the result lives, and can't be told to wipe it.
 *
 * @throws key_unfit: not PKCS#8, or not one of our algorithms
 */
export function openPrivateKey(pkcs8: Secret): KeyObject {
    const key = pkcs8.reveal(parsePrivateKey)
    algorithmOfObject(key)
    return key
}

/**
 * A stranger's key in the form we write ourselves: what else stood in the file, attributes or trailing bytes, stays behind.
 *
 * @throws key_unfit as openPrivateKey
 */
export function canonicalPkcs8(pkcs8: Secret): Secret {
    pkcs8.reveal(checkPkcs8)
    return new Secret(openPrivateKey(pkcs8).export(PKCS8_DER))
}

function parsePrivateKey(der: Buffer): KeyObject {
    try {
        return createPrivateKey({ key: der, ...PKCS8_DER })
    } catch {
        // Without its cause: OpenSSL's text is about the inside of a private key.
        throw new TrustkeyError("key_unfit", "this is not a private key in PKCS#8 form")
    }
}

function generatePair(algorithm: Algorithm): KeyPairKeyObjectResult {
    switch (algorithm) {
        case "p256":
            return generateKeyPairSync("ec", { namedCurve: "prime256v1" })
        case "p384":
            return generateKeyPairSync("ec", { namedCurve: "secp384r1" })
        case "rsa2048":
            return generateKeyPairSync("rsa", { modulusLength: 2048 })
        case "rsa3072":
            return generateKeyPairSync("rsa", { modulusLength: 3072 })
        case "rsa4096":
            return generateKeyPairSync("rsa", { modulusLength: 4096 })
        case "ed25519":
            return generateKeyPairSync("ed25519")
    }
}
