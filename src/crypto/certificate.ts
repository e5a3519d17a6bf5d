import { createPublicKey, type KeyObject } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type PublicKeyBytes, publicKeyBytes, spkiOf } from "./algorithm.ts"
import { childrenOf, contentOf, encodeDer, isTagged, isUniversal, type Node, oidOf, parseDer, sequenceOf, Type } from "./der.ts"
import { encodePem, type PemBlock, parsePem } from "./pem.ts"

export type CertificateFacts = {
    readonly publicKey: PublicKeyBytes
    /** Of the subject; the last one where there are several, as Go reads it; empty where there is none. */
    readonly commonName: string
    readonly notBefore: Date
    readonly notAfter: Date
    readonly isCa: boolean
    /** By SHA-1 or MD5 */
    readonly sha1Signed: boolean
    /** Lowercase hex, no sign, at least two digits */
    readonly serial: string
    /** OIDs, dotted */
    readonly extKeyUsages: readonly string[]
}

/** What a certificate says, before anybody asks whether TUF has a use for its key. */
export type CertificateFields = Omit<CertificateFacts, "publicKey"> & {
    /** DER, as are the names, which are compared so */
    readonly spki: Buffer
    readonly subject: Buffer
    readonly issuer: Buffer
    /** OID of the algorithm of the signature upon it */
    readonly signatureAlgorithm: string
    /** Of basicConstraints; undefined: no limit */
    readonly pathLength: number | undefined
    /** The first eight bits, digitalSignature being 0x80; undefined: no such extension */
    readonly keyUsage: number | undefined
    /** OID → whether it is critical */
    readonly extensions: ReadonlyMap<string, boolean>
}

const LARGEST_CHAIN = 20

const OID_COMMON_NAME = "2.5.4.3"
export const OID_KEY_USAGE = "2.5.29.15"
export const OID_BASIC_CONSTRAINTS = "2.5.29.19"
export const OID_EXT_KEY_USAGE = "2.5.29.37"

// RFC 3279 §2.2 and the OIW one Go knows as well: MD2, MD5 and SHA-1 with RSA, DSA and ECDSA.
const OUTDATED_SIGNATURES: ReadonlySet<string> = new Set([
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.2.840.10040.4.3",
    "1.2.840.10045.4.1",
])

// One look at a repository reads its root's certificates some ten times, which takes longer than verifying with them.
const MOST_CHAINS = 256
const LARGEST_KEPT = 16 * 1024
const parsedChains = new Map<string, readonly CertificateFacts[]>()

/**
 * The certificates of a PEM text, in its order (Notary: leaf first). Nothing is verified here, neither signatures nor dates.
 *
 * @throws metadata_rejected
 */
export function parseCertificateChain(pem: string): readonly CertificateFacts[] {
    const known = parsedChains.get(pem)
    if (known !== undefined) return known
    const chain = parseChain(pem)
    if (pem.length > LARGEST_KEPT) return chain
    if (parsedChains.size >= MOST_CHAINS) {
        const oldest = parsedChains.keys().next()
        if (!oldest.done) parsedChains.delete(oldest.value)
    }
    parsedChains.set(pem, chain)
    return chain
}

function parseChain(pem: string): readonly CertificateFacts[] {
    try {
        const blocks = parsePem(pem, "none")
        if (blocks.length === 0) throw new Error("there is no certificate")
        if (blocks.length > LARGEST_CHAIN) throw new Error("there are too many certificates")
        return blocks.map((block) => {
            if (block.label !== "CERTIFICATE") throw new Error(`there is a ${block.label} among the certificates`)
            return parseCertificate(block.der)
        })
    } catch (cause) {
        throw new TrustkeyError("metadata_rejected", `not a certificate chain: ${reason(cause)}`, { cause })
    }
}

/**
 * The key of a PUBLIC KEY or CERTIFICATE block; of a chain, the first certificate's. Text around the blocks is skipped.
 *
 * @throws invalid_request: no such block, or a private key beside it. key_unfit: not a kind of key TUF has
 */
export function pemToPublicKey(pem: string): PublicKeyBytes {
    const blocks = publicBlocks(pem)
    if (blocks.some((block) => block.label.endsWith("PRIVATE KEY"))) {
        throw new TrustkeyError("invalid_request", "this file contains a private key: give the public key or the certificate only")
    }
    const first = blocks.find((block) => block.label === "PUBLIC KEY" || block.label === "CERTIFICATE")
    if (first === undefined) throw new TrustkeyError("invalid_request", "there is neither a PUBLIC KEY nor a CERTIFICATE in this PEM text")
    if (first.label === "PUBLIC KEY") return parseSpki(first.der)
    try {
        return parseCertificate(first.der).publicKey
    } catch (cause) {
        throw cause instanceof TrustkeyError
            ? cause
            : new TrustkeyError("invalid_request", `not a certificate: ${reason(cause)}`, { cause })
    }
}

/** PEM, block PUBLIC KEY, ending in a newline. */
export function publicKeyToPem(key: PublicKeyBytes): string {
    return encodePem("PUBLIC KEY", spkiOf(key))
}

function publicBlocks(pem: string): readonly PemBlock[] {
    try {
        return parsePem(pem, "any")
    } catch (cause) {
        throw new TrustkeyError("invalid_request", `not a PEM text: ${reason(cause)}`, { cause })
    }
}

/** RFC 5280 §4.1. @throws Error, of forge too */
export function parseCertificateFields(der: Uint8Array): CertificateFields {
    const [tbs, signatureAlgorithm, signature, ...surplus] = sequenceOf(parseDer(der))
    if (tbs === undefined || !isUniversal(signature, Type.BITSTRING) || surplus.length > 0)
        throw new Error("it is not an X.509 certificate")
    const fields = [...sequenceOf(tbs)]
    if (isTagged(fields[0], 0)) fields.shift()
    const [serial, innerAlgorithm, issuer, validity, subject, spki, ...optional] = fields
    if (issuer === undefined || subject === undefined || spki === undefined) throw new Error("it has no public key")
    const [notBefore, notAfter] = sequenceOf(validity)
    const algorithm = oidOf(sequenceOf(signatureAlgorithm)[0])
    // RFC 5280 §4.1.1.2: both must say the same.
    if (oidOf(sequenceOf(innerAlgorithm)[0]) !== algorithm) throw new Error("it names two signature algorithms")
    const extensions = parseExtensions(optional.find((node) => isTagged(node, 3)))
    const { isCa, pathLength } = parseBasicConstraints(extensions.get(OID_BASIC_CONSTRAINTS)?.value)
    return {
        spki: encodeDer(spki),
        subject: encodeDer(subject),
        issuer: encodeDer(issuer),
        commonName: parseCommonName(subject),
        notBefore: parseTime(notBefore),
        notAfter: parseTime(notAfter),
        isCa,
        pathLength,
        signatureAlgorithm: algorithm,
        sha1Signed: OUTDATED_SIGNATURES.has(algorithm),
        serial: contentOf(serial, Type.INTEGER)
            .toString("hex")
            .replace(/^00(?=.)/, ""),
        keyUsage: parseKeyUsage(extensions.get(OID_KEY_USAGE)?.value),
        extKeyUsages: parseUsages(extensions.get(OID_EXT_KEY_USAGE)?.value),
        extensions: new Map(Array.from(extensions, ([id, { critical }]) => [id, critical])),
    }
}

/** The last common name in a name's DER, which `subject` and `issuer` are; empty where there is none. @throws Error */
export function commonNameIn(name: Buffer): string {
    return parseCommonName(parseDer(name))
}

/** By OID: what is in each extension. @throws Error, of forge too */
export function extensionValuesOf(der: Uint8Array): ReadonlyMap<string, Buffer> {
    const [tbs] = sequenceOf(parseDer(der))
    const extensions = parseExtensions(sequenceOf(tbs).find((node) => isTagged(node, 3)))
    return new Map(Array.from(extensions, ([id, { value }]) => [id, value]))
}

function parseCertificate(der: Uint8Array): CertificateFacts {
    const { commonName, notBefore, notAfter, isCa, sha1Signed, serial, extKeyUsages, spki } = parseCertificateFields(der)
    return { publicKey: parseSpki(spki), commonName, notBefore, notAfter, isCa, sha1Signed, serial, extKeyUsages }
}

function parseSpki(der: Buffer): PublicKeyBytes {
    let object: KeyObject
    try {
        object = createPublicKey({ key: der, format: "der", type: "spki" })
    } catch (cause) {
        throw new TrustkeyError("key_unfit", "this public key can't be read", { cause })
    }
    const key = publicKeyBytes(object)
    if (!spkiOf(key).equals(der)) throw new TrustkeyError("key_unfit", "this public key's encoding is not canonical")
    return key
}

function parseCommonName(subject: Node | undefined): string {
    const names = sequenceOf(subject)
        .flatMap((relative) => childrenOf(relative))
        .map((attribute) => sequenceOf(attribute))
        .filter(([type]) => oidOf(type) === OID_COMMON_NAME)
    const value = names.at(-1)?.[1]
    if (value === undefined) return ""
    return parseText(value)
}

function parseText(node: Node): string {
    // forge has decoded its UTF-16 already.
    if (isUniversal(node, Type.BMPSTRING) && typeof node.value === "string") return node.value
    const bytes = contentOf(node)
    if (isUniversal(node, Type.UTF8)) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!isUniversal(node, Type.PRINTABLESTRING) && !isUniversal(node, Type.IA5STRING)) throw new Error("its name has an outdated type")
    if (bytes.some((byte) => byte >= 0x80)) throw new Error("its name is not ASCII")
    return bytes.toString("latin1")
}

/** RFC 5280 §4.1.2.5: whole seconds, always Z. */
function parseTime(node: Node | undefined): Date {
    const text = contentOf(node).toString("latin1")
    const short = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    const long = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    const found = isUniversal(node, Type.UTCTIME) ? short : isUniversal(node, Type.GENERALIZEDTIME) ? long : null
    if (found === null) throw new Error("a date is malformed")
    const [, digits = "", month, day, hour, minute, second] = found
    const year = digits.length === 4 ? digits : `${Number(digits) < 50 ? 20 : 19}${digits}`
    const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`
    const date = new Date(iso)
    // The 31st of April would become the 1st of May.
    if (Number.isNaN(date.getTime()) || date.toISOString() !== iso) throw new Error("a date does not exist")
    return date
}

/** By OID: the DER inside each extension's OCTET STRING. */
function parseExtensions(node: Node | undefined): ReadonlyMap<string, { readonly critical: boolean; readonly value: Buffer }> {
    const extensions = new Map<string, { critical: boolean; value: Buffer }>()
    if (node === undefined) return extensions
    const [list, ...surplus] = childrenOf(node)
    if (surplus.length > 0) throw new Error("its extensions are malformed")
    for (const extension of sequenceOf(list)) {
        const [id, ...rest] = sequenceOf(extension)
        const name = oidOf(id)
        // RFC 5280 §4.2
        if (extensions.has(name)) throw new Error("it has an extension twice")
        const critical = rest.length === 2 && contentOf(rest[0], Type.BOOLEAN)[0] === 0xff
        extensions.set(name, { critical, value: contentOf(rest.at(-1), Type.OCTETSTRING) })
    }
    return extensions
}

function parseBasicConstraints(der: Buffer | undefined): { isCa: boolean; pathLength: number | undefined } {
    const fields = der === undefined ? [] : [...sequenceOf(parseDer(der))]
    const isCa = isUniversal(fields[0], Type.BOOLEAN) && contentOf(fields.shift())[0] === 0xff
    if (fields[0] === undefined) return { isCa, pathLength: undefined }
    const length = contentOf(fields[0], Type.INTEGER)
    if ((length[0] ?? 0x80) >= 0x80) throw new Error("its path length is malformed")
    return { isCa, pathLength: Number.parseInt(length.toString("hex"), 16) }
}

function parseKeyUsage(der: Buffer | undefined): number | undefined {
    // The first byte counts unused bits, the flags follow.
    return der === undefined ? undefined : (contentOf(parseDer(der), Type.BITSTRING)[1] ?? 0)
}

function parseUsages(der: Buffer | undefined): readonly string[] {
    return der === undefined ? [] : sequenceOf(parseDer(der)).map((node) => oidOf(node))
}

function reason(cause: unknown): string {
    return cause instanceof Error ? cause.message : "unreadable"
}
