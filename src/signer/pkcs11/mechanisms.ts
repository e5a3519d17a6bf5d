import { hash } from "node:crypto"
import { MechanismEnum } from "graphene-pk11"
import type { Handle, Mechanism, PKCS11, RsaPSS } from "pkcs11js"
import type { Algorithm, Scheme } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"

// pkcs11js stops at PKCS#11 v2.40, so the numbers are here, by the standard's names.
export const CKM_RSA_PKCS_KEY_PAIR_GEN = 0x0000
export const CKM_RSA_PKCS = 0x0001
export const CKM_RSA_PKCS_PSS = 0x000d
const CKM_SHA256 = 0x0250
export const CKM_EC_KEY_PAIR_GEN = 0x1040
export const CKM_ECDSA = 0x1041
export const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055
export const CKM_EDDSA = 0x1057
export const CKM_DES3_CBC_PAD = 0x0136
export const CKM_AES_ECB = 0x1081
export const CKM_AES_CBC = 0x1082
export const CKM_AES_CBC_PAD = 0x1085
export const CKM_AES_KEY_WRAP = 0x2109
export const CKM_AES_KEY_WRAP_PAD = 0x210a
export const CKM_AES_KEY_WRAP_KWP = 0x210b
export const CKF_WRAP = 0x0002_0000
const CKG_MGF1_SHA256 = 2
// Not the standard's: how pkcs11js numbers the kinds of parameters.
const CK_PARAMS_RSA_PSS = 5

const PSS_SALT = 32
// RFC 8017 §9.2: DER of DigestInfo for SHA-256, up to the digest.
const DIGEST_INFO_SHA256 = Buffer.from("3031300d060960864801650304020105000420", "hex")

const ECDSA: Mechanism = { mechanism: CKM_ECDSA }
const EDDSA: Mechanism = { mechanism: CKM_EDDSA }
const RSA_PKCS: Mechanism = { mechanism: CKM_RSA_PKCS }
const PSS_PARAMETERS: RsaPSS = { type: CK_PARAMS_RSA_PSS, hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256, saltLen: PSS_SALT }
const RSA_PSS: Mechanism = { mechanism: CKM_RSA_PKCS_PSS, parameter: PSS_PARAMETERS }

/** What a key of this kind signs with. */
export function signingMechanism(algorithm: Algorithm): number {
    if (algorithm === "ed25519") return CKM_EDDSA
    return algorithm === "p256" || algorithm === "p384" ? CKM_ECDSA : CKM_RSA_PKCS_PSS
}

/** A signature is exactly this long. C_Sign gets a buffer of this size: a short one leaves the operation open. */
export function signatureLength(algorithm: Algorithm): number {
    switch (algorithm) {
        case "p256":
        case "ed25519":
            return 64
        case "p384":
            return 96
        case "rsa2048":
            return 256
        case "rsa3072":
            return 384
        case "rsa4096":
            return 512
    }
}

/**
 * The mechanism for a scheme, and what it is given. The hash is always ours: CKM_ECDSA_SHA256 is missing on SoftHSM, and
 * CKM_ECDSA takes exactly a digest everywhere. P-384 signs a SHA-256 digest too, as Notary does.
 *
 * @throws key_unfit when the key is of another kind
 */
export function prepare(algorithm: Algorithm, scheme: Scheme, message: Uint8Array): { mechanism: Mechanism; input: Buffer } {
    if (scheme === "ecdsa" && (algorithm === "p256" || algorithm === "p384")) return { mechanism: ECDSA, input: digest(message) }
    if (scheme === "eddsa" && algorithm === "ed25519") return { mechanism: EDDSA, input: Buffer.from(message) }
    if (algorithm === "rsa2048" || algorithm === "rsa3072" || algorithm === "rsa4096") {
        if (scheme === "rsapss") return { mechanism: RSA_PSS, input: digest(message) }
        if (scheme === "rsapkcs1v15") return { mechanism: RSA_PKCS, input: Buffer.concat([DIGEST_INFO_SHA256, digest(message)]) }
    }
    throw new TrustkeyError("key_unfit", "this kind of key cannot make this kind of signature")
}

function digest(message: Uint8Array): Buffer {
    return hash("sha256", message, "buffer")
}

export const CKK_RSA = 0x00
export const CKK_EC = 0x03
export const CKK_EC_EDWARDS = 0x40

/** How a key pair is generated. For Ed25519 tokens disagree on the curve's name, so there are two ways to try. */
export type Generation = {
    readonly mechanism: number
    readonly keyType: number
    readonly parameters: readonly ({ readonly ecParams: Buffer } | { readonly modulusBits: number })[]
}

// DER: OBJECT IDENTIFIERs prime256v1, secp384r1, id-Ed25519; PrintableString "edwards25519" (PKCS#11 v3.0 §2.3.10).
const P256_OID = Buffer.from("06082a8648ce3d030107", "hex")
const P384_OID = Buffer.from("06052b81040022", "hex")
const ED25519_OID = Buffer.from("06032b6570", "hex")
const ED25519_NAME = Buffer.concat([Buffer.from([0x13, 12]), Buffer.from("edwards25519", "ascii")])

export function generationOf(algorithm: Algorithm): Generation {
    switch (algorithm) {
        case "p256":
            return { mechanism: CKM_EC_KEY_PAIR_GEN, keyType: CKK_EC, parameters: [{ ecParams: P256_OID }] }
        case "p384":
            return { mechanism: CKM_EC_KEY_PAIR_GEN, keyType: CKK_EC, parameters: [{ ecParams: P384_OID }] }
        case "ed25519":
            return {
                mechanism: CKM_EC_EDWARDS_KEY_PAIR_GEN,
                keyType: CKK_EC_EDWARDS,
                parameters: [{ ecParams: ED25519_NAME }, { ecParams: ED25519_OID }],
            }
        case "rsa2048":
            return { mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN, keyType: CKK_RSA, parameters: [{ modulusBits: 2048 }] }
        case "rsa3072":
            return { mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN, keyType: CKK_RSA, parameters: [{ modulusBits: 3072 }] }
        case "rsa4096":
            return { mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN, keyType: CKK_RSA, parameters: [{ modulusBits: 4096 }] }
    }
}

/** What a token says of one mechanism. Sizes are in bits or bytes, as the module likes. */
export type MechanismFacts = { readonly mechanism: number; readonly least: number; readonly most: number; readonly flags: number }

export function readMechanisms(lib: PKCS11, slot: Handle): readonly MechanismFacts[] {
    return lib.C_GetMechanismList(slot).map((mechanism) => {
        const { minKeySize, maxKeySize, flags } = lib.C_GetMechanismInfo(slot, mechanism)
        return { mechanism, least: minKeySize, most: maxKeySize, flags: flags >>> 0 }
    })
}

// Later than the table of graphene.
const NEWER_NAMES: ReadonlyMap<number, string> = new Map([
    [CKM_EC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"],
    [0x1056, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"],
    [CKM_EDDSA, "CKM_EDDSA"],
    [CKM_AES_KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP"],
])

/** By the standard's name, or as a number. */
export function mechanismName(mechanism: number): string {
    const name: string | undefined = MechanismEnum[mechanism]
    return NEWER_NAMES.get(mechanism) ?? (name === undefined ? `0x${mechanism.toString(16).padStart(8, "0")}` : `CKM_${name}`)
}

// CK_MECHANISM_INFO flags, PKCS#11 v3.0 table 12.
const FLAG_NAMES: readonly (readonly [number, string])[] = [
    [0x1, "hardware"],
    [0x100, "encrypt"],
    [0x200, "decrypt"],
    [0x400, "digest"],
    [0x800, "sign"],
    [0x2000, "verify"],
    [0x8000, "generate"],
    [0x1_0000, "generate-pair"],
    [CKF_WRAP, "wrap"],
    [0x4_0000, "unwrap"],
    [0x8_0000, "derive"],
]

export function mechanismFlagNames(flags: number): readonly string[] {
    return FLAG_NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name)
}
