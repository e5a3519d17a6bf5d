import { TrustkeyError } from "../errors.ts"
import { type Algorithm, algorithmOf, type PublicKeyBytes } from "./algorithm.ts"
import { DerReader, TAG } from "./private-der.ts"
import { canonicalPkcs8, publicKeyOf } from "./private-key.ts"
import { Secret, secretBytes } from "./secret.ts"

/** What a card is given of a private key. All of a key's numbers are equally long. */
export class PrivateNumbers implements Disposable {
    readonly algorithm: Algorithm
    readonly publicKey: PublicKeyBytes
    /** For EC the number d; for RSA p, q, d mod p-1, d mod q-1 and 1/q mod p; for Ed25519 the seed. */
    readonly numbers: readonly Secret[]

    constructor(algorithm: Algorithm, publicKey: PublicKeyBytes, numbers: readonly Secret[]) {
        this.algorithm = algorithm
        this.publicKey = publicKey
        this.numbers = numbers
    }

    [Symbol.dispose](): void {
        for (const number of this.numbers) number[Symbol.dispose]()
    }
}

/**
 * Big-endian, filled up with zeros on the left to the curve's length or to half the modulus'.
 *
 * @throws key_unfit: not PKCS#8, not one of our algorithms, or of two primes of unequal length
 */
export function readPrivateNumbers(given: Secret): PrivateNumbers {
    using pkcs8 = canonicalPkcs8(given)
    const publicKey = publicKeyOf(pkcs8)
    const algorithm = algorithmOf(publicKey)
    return pkcs8.reveal((der) => new PrivateNumbers(algorithm, publicKey, numbersOf(algorithm, der)))
}

/** The d of an RSA key, as long as its modulus: tokens want it beside the others. @throws key_unfit */
export function readPrivateExponent(given: Secret, size: number): Secret {
    using pkcs8 = canonicalPkcs8(given)
    return pkcs8.reveal((der) => {
        const info = DerReader.structure(der)
        info.number()
        info.next(TAG.sequence)
        const structure = DerReader.structure(info.next(TAG.octetString))
        structure.number()
        for (const _ of ["n", "e"]) structure.next(TAG.integer)
        return filledUp(structure.next(TAG.integer), size)
    })
}

function numbersOf(algorithm: Algorithm, der: Buffer): readonly Secret[] {
    const info = DerReader.structure(der)
    info.number()
    info.next(TAG.sequence)
    const key = info.next(TAG.octetString)
    switch (algorithm) {
        case "p256":
            return [ecNumber(key, 32)]
        case "p384":
            return [ecNumber(key, 48)]
        case "rsa2048":
            return rsaNumbers(key, 128)
        case "rsa3072":
            return rsaNumbers(key, 192)
        case "rsa4096":
            return rsaNumbers(key, 256)
        case "ed25519":
            return [seedOf(key)]
    }
}

/** RFC 5915 §3 */
function ecNumber(key: Buffer, size: number): Secret {
    const structure = DerReader.structure(key)
    structure.number()
    return filledUp(structure.next(TAG.octetString), size)
}

/** RFC 8017 §A.1.2: version, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p. */
function rsaNumbers(key: Buffer, size: number): readonly Secret[] {
    const structure = DerReader.structure(key)
    structure.number()
    for (const _ of ["n", "e", "d"]) structure.next(TAG.integer)
    return ["p", "q", "dp", "dq", "qinv"].map(() => filledUp(structure.next(TAG.integer), size))
}

/** RFC 8410 §7 */
function seedOf(key: Buffer): Secret {
    return filledUp(new DerReader(key).next(TAG.octetString), 32)
}

function filledUp(number: Buffer, size: number): Secret {
    const digits = number.length > size && number[0] === 0 ? number.subarray(number.length - size) : number
    if (digits.length > size) throw new TrustkeyError("key_unfit", "the two primes of this RSA key are not equally long")
    const bytes = secretBytes(size)
    digits.copy(bytes, size - digits.length)
    return new Secret(bytes)
}
