import { createDecipheriv, createHash, pbkdf2Sync } from "node:crypto"
import { contentOf, isUniversal, type Node, oidOf, parseDer, sequenceOf, Type } from "./der.ts"
import { Secret, secretBytes } from "./secret.ts"

/** How a private key in a file is encrypted. Names are OpenSSL's. */
export type KeyFileEncryption =
    | { readonly kind: "none" }
    | { readonly kind: "pbes2"; readonly iterations: number; readonly prf: string; readonly cipher: string }
    | { readonly kind: "dek-info"; readonly cipher: string }

export type Encrypted = {
    readonly encryption: KeyFileEncryption
    /** What the passphrase makes of it, most probable first. Each one is to be wiped. */
    readonly decryptions: (passphrase: Secret) => Iterable<Secret>
}

/** Some seconds of work. A file that asks for more would be one that wants to keep us busy. */
const MOST_ITERATIONS = 10_000_000

type Cipher = { readonly name: string; readonly keyLength: number; readonly ivLength: number }

const AES_128: Cipher = { name: "AES-128-CBC", keyLength: 16, ivLength: 16 }
const AES_192: Cipher = { name: "AES-192-CBC", keyLength: 24, ivLength: 16 }
const AES_256: Cipher = { name: "AES-256-CBC", keyLength: 32, ivLength: 16 }
const DES_EDE3: Cipher = { name: "DES-EDE3-CBC", keyLength: 24, ivLength: 8 }

const OID_PBES2 = "1.2.840.113549.1.5.13"
const OID_PBKDF2 = "1.2.840.113549.1.5.12"

// RFC 8018 §B.2.5 and NIST's csor.
const CIPHERS: ReadonlyMap<string, Cipher> = new Map([
    ["2.16.840.1.101.3.4.1.2", AES_128],
    ["2.16.840.1.101.3.4.1.22", AES_192],
    ["2.16.840.1.101.3.4.1.42", AES_256],
    ["1.2.840.113549.3.7", DES_EDE3],
])

const HMAC_SHA1 = { prf: "hmacWithSHA1", digest: "sha1" }

// RFC 8018 §B.1.2
const PRFS: ReadonlyMap<string, { readonly prf: string; readonly digest: string }> = new Map([
    ["1.2.840.113549.2.7", HMAC_SHA1],
    ["1.2.840.113549.2.8", { prf: "hmacWithSHA224", digest: "sha224" }],
    ["1.2.840.113549.2.9", { prf: "hmacWithSHA256", digest: "sha256" }],
    ["1.2.840.113549.2.10", { prf: "hmacWithSHA384", digest: "sha384" }],
    ["1.2.840.113549.2.11", { prf: "hmacWithSHA512", digest: "sha512" }],
    ["1.2.840.113549.2.12", { prf: "hmacWithSHA512-224", digest: "sha512-224" }],
    ["1.2.840.113549.2.13", { prf: "hmacWithSHA512-256", digest: "sha512-256" }],
    ["2.16.840.1.101.3.4.2.13", { prf: "hmacWithSHA3-224", digest: "sha3-224" }],
    ["2.16.840.1.101.3.4.2.14", { prf: "hmacWithSHA3-256", digest: "sha3-256" }],
    ["2.16.840.1.101.3.4.2.15", { prf: "hmacWithSHA3-384", digest: "sha3-384" }],
    ["2.16.840.1.101.3.4.2.16", { prf: "hmacWithSHA3-512", digest: "sha3-512" }],
])

/** What we don't decrypt, by the names under which people know it. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
    ["1.2.840.113549.1.5.1", "PBES1 with MD2 and DES"],
    ["1.2.840.113549.1.5.3", "PBES1 with MD5 and DES"],
    ["1.2.840.113549.1.5.4", "PBES1 with MD2 and RC2"],
    ["1.2.840.113549.1.5.6", "PBES1 with MD5 and RC2"],
    ["1.2.840.113549.1.5.10", "PBES1 with SHA-1 and DES"],
    ["1.2.840.113549.1.5.11", "PBES1 with SHA-1 and RC2"],
    ["1.2.840.113549.1.12.1.1", "PKCS#12's RC4 of 128 bits"],
    ["1.2.840.113549.1.12.1.2", "PKCS#12's RC4 of 40 bits"],
    ["1.2.840.113549.1.12.1.3", "PKCS#12's triple DES"],
    ["1.2.840.113549.1.12.1.4", "PKCS#12's double DES"],
    ["1.2.840.113549.1.12.1.5", "PKCS#12's RC2 of 128 bits"],
    ["1.2.840.113549.1.12.1.6", "PKCS#12's RC2 of 40 bits"],
    ["1.3.6.1.4.1.11591.4.11", "a key derived by scrypt"],
    ["1.3.14.3.2.7", "DES"],
    ["1.2.840.113549.3.2", "RC2"],
    ["2.16.840.1.101.3.4.1.6", "AES-128-GCM"],
    ["2.16.840.1.101.3.4.1.26", "AES-192-GCM"],
    ["2.16.840.1.101.3.4.1.46", "AES-256-GCM"],
])

/**
 * EncryptedPrivateKeyInfo (RFC 5208 §6) with PBES2 (RFC 8018 §6.2): nothing in it is secret before it is decrypted.
 *
 * @throws Error
 */
export function readPbes2(der: Uint8Array): Encrypted {
    const [algorithm, data, ...surplus] = sequenceOf(parseDer(der))
    const ciphertext = contentOf(data, Type.OCTETSTRING)
    if (surplus.length > 0) throw new Error("it has a part too many")
    const parameters = parametersOf(algorithm, OID_PBES2)
    const [derivation, scheme, ...more] = sequenceOf(parameters)
    if (more.length > 0) throw new Error("it has a part too many")
    const { salt, iterations, keyLength, ...stated } = readPbkdf2(parametersOf(derivation, OID_PBKDF2))
    const { cipher, iv } = readCipher(scheme)
    if (keyLength !== undefined && keyLength !== cipher.keyLength)
        throw new Error(`a key of ${keyLength} bytes does not fit ${cipher.name}`)
    const decrypt = (passphrase: Secret, digest: string): Secret | undefined => {
        const key = passphrase.reveal((bytes) => pbkdf2Sync(bytes, salt, iterations, cipher.keyLength, digest))
        return decryptCbc(cipher, key, iv, ciphertext)
    }
    return {
        encryption: { kind: "pbes2", iterations, prf: stated.prf, cipher: cipher.name },
        *decryptions(passphrase) {
            // Notary uses SHA-1 whatever the file says.
            for (const digest of new Set([stated.digest, HMAC_SHA1.digest])) {
                const clear = decrypt(passphrase, digest)
                if (clear !== undefined) yield clear
            }
        },
    }
}

/** The parameters of an AlgorithmIdentifier that has to be `wanted`. @throws Error */
function parametersOf(identifier: Node | undefined, wanted: string): Node {
    const [id, parameters, ...surplus] = sequenceOf(identifier)
    const found = oidOf(id)
    if (found !== wanted) throw unsupported(found)
    if (parameters === undefined || surplus.length > 0) throw new Error("the parameters of its encryption are malformed")
    return parameters
}

function readPbkdf2(node: Node): { salt: Buffer; iterations: number; keyLength: number | undefined; prf: string; digest: string } {
    const [salt, count, ...optional] = sequenceOf(node)
    const iterations = numberOf(count)
    if (iterations > MOST_ITERATIONS)
        throw new Error(`it asks for ${iterations} rounds of PBKDF2, and more than ${MOST_ITERATIONS} are not tried`)
    const keyLength = isUniversal(optional[0], Type.INTEGER) ? numberOf(optional.shift()) : undefined
    const prf = optional.shift()
    if (optional.length > 0) throw new Error("the parameters of its encryption are malformed")
    const stated = prf === undefined ? HMAC_SHA1 : prfOf(oidOf(sequenceOf(prf)[0]))
    return { salt: contentOf(salt, Type.OCTETSTRING), iterations, keyLength, ...stated }
}

function prfOf(oid: string): { readonly prf: string; readonly digest: string } {
    const prf = PRFS.get(oid)
    if (prf === undefined) throw unsupported(oid)
    return prf
}

function readCipher(node: Node | undefined): { cipher: Cipher; iv: Buffer } {
    const [id, parameters] = sequenceOf(node)
    const oid = oidOf(id)
    const cipher = CIPHERS.get(oid)
    if (cipher === undefined) throw unsupported(oid)
    const iv = contentOf(parameters, Type.OCTETSTRING)
    if (iv.length !== cipher.ivLength) throw new Error("its initialisation vector has the wrong length")
    return { cipher, iv }
}

/** A positive INTEGER of at most six bytes. */
function numberOf(node: Node | undefined): number {
    const content = contentOf(node, Type.INTEGER)
    const value = content.length === 0 || content.length > 6 ? 0 : content.readIntBE(0, content.length)
    if (value < 1) throw new Error("the parameters of its encryption are out of range")
    return value
}

function unsupported(oid: string): Error {
    return new Error(`it is encrypted with ${UNSUPPORTED.get(oid) ?? `the algorithm ${oid}`}, which is not supported: ${CONVERT}`)
}

const CONVERT = "openssl pkey -aes256 -in FILE -out NEWFILE writes it in a form that is"

const DEK_INFO = /^([A-Z0-9-]+),([0-9A-Fa-f]+)$/

/**
 * RFC 1421 §4.6.1.3 with OpenSSL's key derivation: one round of MD5. A stolen file is worth as much as one in clear, almost.
 *
 * @throws Error
 */
export function readDekInfo(header: string, ciphertext: Secret): Encrypted {
    const [, name, hex = ""] = DEK_INFO.exec(header) ?? []
    if (name === undefined) throw new Error("its DEK-Info header is malformed")
    const cipher = [...CIPHERS.values()].find((candidate) => candidate.name === name)
    if (cipher === undefined) throw new Error(`it is encrypted with ${name}, which is not supported: ${CONVERT}`)
    const iv = Buffer.from(hex, "hex")
    if (hex.length !== 2 * cipher.ivLength) throw new Error("its DEK-Info header is malformed")
    return {
        encryption: { kind: "dek-info", cipher: cipher.name },
        *decryptions(passphrase) {
            const key = passphrase.reveal((bytes) => bytesToKey(bytes, iv.subarray(0, 8), cipher.keyLength))
            const clear = ciphertext.reveal((bytes) => decryptCbc(cipher, key, iv, bytes))
            if (clear !== undefined) yield clear
        },
    }
}

/** EVP_BytesToKey(3) with MD5 and one round. */
function bytesToKey(passphrase: Buffer, salt: Buffer, length: number): Buffer {
    const key = secretBytes(32)
    for (let at = 0; at < length; at += 16) {
        const before = key.subarray(Math.max(0, at - 16), at)
        const part = createHash("md5").update(before).update(passphrase).update(salt).digest()
        part.copy(key, at)
        part.fill(0)
    }
    key.fill(0, length)
    return key.subarray(0, length)
}

/** Undefined when the padding is wrong. Wipes `key`. */
function decryptCbc(cipher: Cipher, key: Buffer, iv: Buffer, ciphertext: Uint8Array): Secret | undefined {
    const decipher = createDecipheriv(cipher.name, key, iv)
    key.fill(0)
    const first = decipher.update(ciphertext)
    try {
        const last = decipher.final()
        const clear = secretBytes(first.length + last.length)
        first.copy(clear)
        last.copy(clear, first.length)
        last.fill(0)
        return new Secret(clear)
    } catch {
        return undefined
    } finally {
        first.fill(0)
    }
}
