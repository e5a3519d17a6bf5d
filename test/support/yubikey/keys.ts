import {
    constants,
    createECDH,
    createPrivateKey,
    createPublicKey,
    type ECDH,
    generateKeyPairSync,
    type JsonWebKey,
    type KeyObject,
    privateEncrypt,
} from "node:crypto"
import { encodeTlv, findTlv, type Tlv } from "./tlv.ts"

// ECDSA over a digest made elsewhere is something node:crypto doesn't offer, so r and s are computed here. Not in
// constant time: for keys that live for one test.

type EcAlgorithm = {
    readonly id: number
    readonly kind: "ec"
    readonly curve: string
    readonly crv: string
    readonly size: number
    readonly order: bigint
}
type RsaAlgorithm = { readonly id: number; readonly kind: "rsa"; readonly bits: number; readonly size: number }
export type Algorithm = EcAlgorithm | RsaAlgorithm

/** Algorithm identifiers of SP 800-78 as Yubico uses them; sizes in bytes. */
export const ALGORITHM = {
    rsa1024: { id: 0x06, kind: "rsa", bits: 1024, size: 128 },
    rsa2048: { id: 0x07, kind: "rsa", bits: 2048, size: 256 },
    p256: {
        id: 0x11,
        kind: "ec",
        curve: "prime256v1",
        crv: "P-256",
        size: 32,
        order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    },
    p384: {
        id: 0x14,
        kind: "ec",
        curve: "secp384r1",
        crv: "P-384",
        size: 48,
        order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    },
} as const satisfies Record<string, Algorithm>

export function findAlgorithm(id: number): Algorithm | undefined {
    return Object.values(ALGORITHM).find((algorithm) => algorithm.id === id)
}

export function generateKey(algorithm: Algorithm): JsonWebKey {
    const { privateKey } =
        algorithm.kind === "ec"
            ? generateKeyPairSync("ec", { namedCurve: algorithm.curve })
            : generateKeyPairSync("rsa", { modulusLength: algorithm.bits })
    return privateKey.export({ format: "jwk" })
}

export function openKey(key: JsonWebKey): KeyObject {
    return createPrivateKey({ key, format: "jwk" })
}

export function spkiOf(key: JsonWebKey): Buffer {
    return createPublicKey(openKey(key)).export({ format: "der", type: "spki" })
}

/** The public key in Yubico's elements: 86 point, or 81 modulus and 82 exponent. */
export function publicElements(algorithm: Algorithm, key: JsonWebKey): Buffer {
    if (algorithm.kind === "ec") return encodeTlv(0x86, pointOf(key))
    return Buffer.concat([encodeTlv(0x81, part(key.n)), encodeTlv(0x82, part(key.e))])
}

function pointOf(key: JsonWebKey): Buffer {
    return Buffer.concat([Buffer.from([4]), part(key.x), part(key.y)])
}

function part(text: string | undefined): Buffer {
    return Buffer.from(text ?? "", "base64url")
}

/** The key in an IMPORT command; undefined if its parts don't make one. */
export function importKey(algorithm: Algorithm, elements: readonly Tlv[]): JsonWebKey | undefined {
    if (algorithm.kind === "ec") {
        const scalar = findTlv(elements, 0x06)
        return scalar === undefined ? undefined : importScalar(algorithm, scalar)
    }
    const [p, q, dp, dq, qinv] = [1, 2, 3, 4, 5].map((tag) => findTlv(elements, tag))
    if (p === undefined || q === undefined || dp === undefined || dq === undefined || qinv === undefined) return undefined
    return importPrimes(algorithm, numberOf(p), numberOf(q), { dp: numberOf(dp), dq: numberOf(dq), qi: numberOf(qinv) })
}

function importScalar(algorithm: EcAlgorithm, scalar: Buffer): JsonWebKey | undefined {
    const value = numberOf(scalar)
    if (scalar.length !== algorithm.size || value === 0n || value >= algorithm.order) return undefined
    const point = exchange(algorithm, scalar).getPublicKey()
    const [x, y] = [point.subarray(1, 1 + algorithm.size), point.subarray(1 + algorithm.size)]
    return { kty: "EC", crv: algorithm.crv, x: x.toString("base64url"), y: y.toString("base64url"), d: scalar.toString("base64url") }
}

type Remainders = { readonly dp: bigint; readonly dq: bigint; readonly qi: bigint }

/** Yubico's import has no exponents: they follow from `dp`. */
function importPrimes(algorithm: RsaAlgorithm, p: bigint, q: bigint, { dp, dq, qi }: Remainders): JsonWebKey | undefined {
    const n = p * q
    if (p < 3n || q < 3n || p === q || n.toString(2).length !== algorithm.bits) return undefined
    const e = inverse(dp, p - 1n)
    const d = e === undefined ? undefined : inverse(e, (p - 1n) * (q - 1n))
    if (e === undefined || d === undefined || e >= 1n << 32n) return undefined
    if (d % (q - 1n) !== dq || (qi * q) % p !== 1n) return undefined
    const half = algorithm.size / 2
    const text = (value: bigint, size: number): string => bytesOf(value, size).toString("base64url")
    return {
        kty: "RSA",
        n: text(n, algorithm.size),
        e: text(e, Math.ceil(e.toString(16).length / 2)),
        d: text(d, algorithm.size),
        p: text(p, half),
        q: text(q, half),
        dp: text(dp, half),
        dq: text(dq, half),
        qi: text(qi, half),
    }
}

/** ECDSA over a digest made by the caller, as DER. */
export function signDigest(algorithm: EcAlgorithm, key: JsonWebKey, digest: Buffer, random: (size: number) => Buffer): Buffer {
    const { order, size } = algorithm
    const d = numberOf(part(key.d))
    const z = numberOf(digest)
    for (;;) {
        const k = (numberOf(random(size + 8)) % (order - 1n)) + 1n
        const point = exchange(algorithm, bytesOf(k, size)).getPublicKey()
        const r = numberOf(point.subarray(1, 1 + size)) % order
        const s = ((inverse(k, order) ?? 0n) * (z + r * d)) % order
        if (r !== 0n && s !== 0n) return encodeTlv(0x30, encodeInteger(r), encodeInteger(s))
    }
}

/** The x coordinate shared with `point`; undefined if that isn't on the curve. */
export function agree(algorithm: EcAlgorithm, key: JsonWebKey, point: Buffer): Buffer | undefined {
    if (point.length !== 1 + 2 * algorithm.size || point[0] !== 4) return undefined
    try {
        return exchange(algorithm, part(key.d)).computeSecret(point)
    } catch {
        return undefined
    }
}

/** m^d mod n, for signing and for decrypting; undefined if the block isn't below the modulus. */
export function rsaRaw(key: JsonWebKey, block: Buffer): Buffer | undefined {
    if (numberOf(block) >= numberOf(part(key.n))) return undefined
    return privateEncrypt({ key: openKey(key), padding: constants.RSA_NO_PADDING }, block)
}

function exchange(algorithm: EcAlgorithm, scalar: Buffer): ECDH {
    const ecdh = createECDH(algorithm.curve)
    ecdh.setPrivateKey(scalar)
    return ecdh
}

/** A non-negative INTEGER in DER. */
export function encodeInteger(value: bigint): Buffer {
    const size = Math.ceil(value.toString(16).length / 2)
    const bytes = bytesOf(value, size)
    return encodeTlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes)
}

function numberOf(bytes: Uint8Array): bigint {
    return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString("hex")}`)
}

function bytesOf(value: bigint, size: number): Buffer {
    return Buffer.from(value.toString(16).padStart(size * 2, "0"), "hex")
}

/** Extended Euclid; undefined if there is none. */
function inverse(value: bigint, modulus: bigint): bigint | undefined {
    if (modulus < 2n) return undefined
    let [r, nextR] = [modulus, ((value % modulus) + modulus) % modulus]
    let [t, nextT] = [0n, 1n]
    while (nextR !== 0n) {
        const quotient = r / nextR
        ;[r, nextR] = [nextR, r - quotient * nextR]
        ;[t, nextT] = [nextT, t - quotient * nextT]
    }
    return r === 1n ? ((t % modulus) + modulus) % modulus : undefined
}
