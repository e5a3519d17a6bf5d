import { type KeyObject, randomBytes, sign } from "node:crypto"
import { spkiOf } from "../../src/crypto/algorithm.ts"
import {
    bitString,
    encodeDer,
    type Node,
    nothing,
    oid,
    parseDer,
    primitive,
    sequence,
    set,
    Type,
    tagged,
    text,
    unsignedInteger,
    yes,
} from "../../src/crypto/der.ts"
import {
    type Algorithm,
    algorithmOf,
    certificateScheme,
    generatePrivateKey,
    openPrivateKey,
    type PublicKeyBytes,
    rawToDer,
    signWith,
} from "../../src/crypto/index.ts"
import { encodePem } from "../../src/crypto/pem.ts"

export type BuiltCertificate = {
    readonly pem: string
    readonly name: string
    readonly publicKey: PublicKeyBytes
    readonly privateKey: KeyObject
}

export type CertificateSpec = {
    readonly name: string
    /** Undefined: signed by itself. */
    readonly issuer?: BuiltCertificate
    /** Another name for the issuer than its own */
    readonly issuerName?: string
    readonly ca?: boolean
    readonly pathLength?: number
    /** The first byte of keyUsage; undefined: no extension */
    readonly keyUsage?: number
    readonly extKeyUsages?: readonly string[]
    /** OIDs of extensions with an empty value */
    readonly critical?: readonly string[]
    readonly notBefore?: Date
    readonly notAfter?: Date
    readonly algorithm?: Algorithm
    /** Of somebody else, who asked the issuer; undefined: a key is made. */
    readonly publicKey?: PublicKeyBytes
    readonly sha1?: boolean
}

export const USAGE = {
    codeSigning: "1.3.6.1.5.5.7.3.3",
    serverAuth: "1.3.6.1.5.5.7.3.1",
    any: "2.5.29.37.0",
} as const
export const DIGITAL_SIGNATURE = 0x80
export const KEY_CERT_SIGN = 0x04

/** A certificate with whatever is asked for in it. Valid from 2020 to 2040 unless said otherwise. */
export function buildCertificate(spec: CertificateSpec): BuiltCertificate {
    const made = generatePrivateKey(spec.algorithm ?? "p256")
    const privateKey = openPrivateKey(made.pkcs8)
    const publicKey = spec.publicKey ?? made.publicKey
    const own = { pem: "", name: spec.name, publicKey, privateKey }
    const issuer = spec.issuer ?? own
    const algorithm = signatureAlgorithm(issuer.publicKey, spec.sha1 === true)
    const tbs = encodeDer(
        sequence(
            tagged(0, primitive(Type.INTEGER, Buffer.from([2]))),
            unsignedInteger(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
            algorithm,
            nameOf(spec.issuerName ?? issuer.name),
            sequence(time(spec.notBefore ?? new Date("2020-01-01T00:00:00Z")), time(spec.notAfter ?? new Date("2040-01-01T00:00:00Z"))),
            nameOf(spec.name),
            parseDer(spkiOf(publicKey)),
            tagged(3, extensionsOf(spec)),
        ),
    )
    const certificate = sequence(parseDer(tbs), algorithm, bitString(signatureOver(tbs, issuer, spec.sha1 === true)))
    return { ...own, pem: encodePem("CERTIFICATE", encodeDer(certificate)) }
}

/** A certificate authority. */
export function buildAuthority(spec: CertificateSpec): BuiltCertificate {
    return buildCertificate({ ca: true, keyUsage: KEY_CERT_SIGN, ...spec })
}

function signatureOver(tbs: Buffer, issuer: BuiltCertificate, sha1: boolean): Uint8Array {
    if (sha1) return sign("sha1", tbs, issuer.privateKey)
    const signature = signWith(issuer.privateKey, certificateScheme(algorithmOf(issuer.publicKey)), tbs)
    return issuer.publicKey.keytype === "ecdsa" ? rawToDer(signature) : signature
}

function signatureAlgorithm({ keytype }: PublicKeyBytes, sha1: boolean): Node {
    if (keytype === "ecdsa") return sequence(oid(sha1 ? "1.2.840.10045.4.1" : "1.2.840.10045.4.3.2"))
    return sequence(oid(sha1 ? "1.2.840.113549.1.1.5" : "1.2.840.113549.1.1.11"), nothing())
}

function extensionsOf(spec: CertificateSpec): Node {
    const list: Node[] = []
    const add = (id: string, critical: boolean, value: Node): void => {
        list.push(sequence(oid(id), ...(critical ? [yes()] : []), primitive(Type.OCTETSTRING, encodeDer(value))))
    }
    const length = spec.pathLength === undefined ? [] : [unsignedInteger(Buffer.from([spec.pathLength]))]
    add("2.5.29.19", true, sequence(...(spec.ca === true ? [yes(), ...length] : [])))
    if (spec.keyUsage !== undefined) add("2.5.29.15", true, bitString(Buffer.from([spec.keyUsage]), 1))
    if (spec.extKeyUsages !== undefined) add("2.5.29.37", false, sequence(...spec.extKeyUsages.map((id) => oid(id))))
    for (const id of spec.critical ?? []) add(id, true, sequence())
    return sequence(...list)
}

function nameOf(commonName: string): Node {
    return sequence(set(sequence(oid("2.5.4.3"), text(Type.UTF8, commonName))))
}

function time(date: Date): Node {
    return text(Type.GENERALIZEDTIME, `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`)
}
