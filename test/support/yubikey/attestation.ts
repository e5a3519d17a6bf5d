import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, randomBytes, sign } from "node:crypto"
import { encodeInteger, openKey } from "./keys.ts"
import { encodeTlv, findTlv, parseTlvs, TlvError } from "./tlv.ts"

// Yubico's own tree, https://developers.yubico.com/PIV/Introduction/PIV_attestation.html
const YUBICO_PIV = "1.3.6.1.4.1.41482.3"
const FIRMWARE = `${YUBICO_PIV}.3`
const SERIAL = `${YUBICO_PIV}.7`
const POLICY = `${YUBICO_PIV}.8`
const FORM_FACTOR = `${YUBICO_PIV}.9`

/** Stands for Yubico's: cards made with it carry an attestation key that it certified. */
export type AttestationAuthority = {
    readonly rootPem: string
    /** Between root and card; empty as it was before firmware 5.7. */
    readonly intermediatePems: readonly string[]
    /** The key for slot f9 and its certificate. */
    issue(firmware: readonly number[]): { readonly key: JsonWebKey; readonly certificate: Buffer }
}

export type AttestedKey = {
    readonly slot: number
    readonly publicKey: Buffer
    readonly pinPolicy: number
    readonly touchPolicy: number
    readonly serial: number
    readonly firmware: readonly number[]
    readonly formFactor: number
}

type Issuer = { readonly name: Buffer; readonly key: KeyObject }
type Extension = { readonly id: string; readonly critical?: boolean; readonly value: Buffer }
type CertificateFields = {
    readonly issuer: Issuer
    readonly subject: Buffer
    readonly publicKey: Buffer
    readonly validity: Buffer
    readonly serial: Buffer
    readonly extensions: readonly Extension[]
}

const VALIDITY = encodeTlv(0x30, utcTime("160314000000Z"), generalizedTime("20520417000000Z"))

/** Throw-away keys: RSA and one step as up to firmware 5.6, or P-384 with an authority in between as from 5.7 on. */
export function createAttestationAuthority(kind: "rsa" | "ec" = "rsa", name = "Test PIV Root CA"): AttestationAuthority {
    const makeKey = (): KeyObject =>
        kind === "rsa"
            ? generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
            : generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey
    const root: Issuer = { name: commonName(name), key: makeKey() }
    const rootPem = pemOf(certify({ ...authorityFields(root, root), extensions: caExtensions(undefined) }))
    const intermediate: Issuer | undefined = kind === "ec" ? { name: commonName("Test PIV Attestation A 1"), key: makeKey() } : undefined
    const issuer = intermediate ?? root
    return {
        rootPem,
        intermediatePems: intermediate === undefined ? [] : [pemOf(certify(authorityFields(root, intermediate)))],
        issue: (firmware) => {
            const card: Issuer = { name: commonName("Yubico PIV Attestation"), key: makeKey() }
            const fields = authorityFields(issuer, card)
            const version = { id: FIRMWARE, value: Buffer.from(firmware) }
            return {
                key: card.key.export({ format: "jwk" }),
                certificate: certify({ ...fields, extensions: [version, ...caExtensions(0)] }),
            }
        },
    }
}

/** The statement that a key was made on the card, signed by the key in f9. Undefined if f9's certificate is none. */
export function attest(attested: AttestedKey, f9: JsonWebKey, f9Certificate: Buffer, random: (size: number) => Buffer): Buffer | undefined {
    const signer = readIssuer(f9Certificate)
    if (signer === undefined) return undefined
    return certify({
        issuer: { name: signer.subject, key: openKey(f9) },
        subject: commonName(`YubiKey PIV Attestation ${attested.slot.toString(16)}`),
        publicKey: attested.publicKey,
        validity: signer.validity,
        serial: positive(random(16)),
        extensions: [
            { id: FIRMWARE, value: Buffer.from(attested.firmware) },
            { id: SERIAL, value: encodeInteger(BigInt(attested.serial)) },
            { id: POLICY, value: Buffer.from([attested.pinPolicy, attested.touchPolicy]) },
            { id: FORM_FACTOR, value: Buffer.from([attested.formFactor]) },
        ],
    })
}

/** Names and times are taken over byte by byte. */
function readIssuer(certificate: Buffer): { readonly subject: Buffer; readonly validity: Buffer } | undefined {
    try {
        const tbs = findTlv(parseTlvs(findTlv(parseTlvs(certificate), 0x30) ?? Buffer.alloc(0)), 0x30)
        // version, serialNumber, signature, issuer, validity, subject
        const [version, , , , validity, subject] = parseTlvs(tbs ?? Buffer.alloc(0))
        if (version?.tag !== 0xa0 || validity?.tag !== 0x30 || subject?.tag !== 0x30) return undefined
        return { subject: encodeTlv(0x30, subject.value), validity: encodeTlv(0x30, validity.value) }
    } catch (error) {
        if (error instanceof TlvError) return undefined
        throw error
    }
}

function authorityFields(issuer: Issuer, subject: Issuer): CertificateFields {
    return {
        issuer,
        subject: subject.name,
        publicKey: createPublicKey(subject.key).export({ format: "der", type: "spki" }),
        validity: VALIDITY,
        serial: positive(randomBytes(8)),
        extensions: caExtensions(1),
    }
}

function caExtensions(pathLength: number | undefined): readonly Extension[] {
    const length = pathLength === undefined ? [] : [encodeInteger(BigInt(pathLength))]
    return [{ id: "2.5.29.19", critical: true, value: encodeTlv(0x30, encodeTlv(0x01, Buffer.from([0xff])), ...length) }]
}

function certify(fields: CertificateFields): Buffer {
    const algorithm = signatureAlgorithm(fields.issuer.key)
    const extensions = fields.extensions.map(({ id, critical, value }) =>
        encodeTlv(0x30, encodeOid(id), ...(critical === true ? [encodeTlv(0x01, Buffer.from([0xff]))] : []), encodeTlv(0x04, value)),
    )
    const tbs = encodeTlv(
        0x30,
        encodeTlv(0xa0, encodeInteger(2n)),
        encodeTlv(0x02, fields.serial),
        algorithm.der,
        fields.issuer.name,
        fields.validity,
        fields.subject,
        fields.publicKey,
        encodeTlv(0xa3, encodeTlv(0x30, ...extensions)),
    )
    const signature = sign(algorithm.hash, tbs, fields.issuer.key)
    return encodeTlv(0x30, tbs, algorithm.der, encodeTlv(0x03, Buffer.alloc(1), signature))
}

function signatureAlgorithm(key: KeyObject): { readonly hash: string; readonly der: Buffer } {
    if (key.asymmetricKeyType === "rsa") {
        return { hash: "sha256", der: encodeTlv(0x30, encodeOid("1.2.840.113549.1.1.11"), encodeTlv(0x05)) }
    }
    const large = key.asymmetricKeyDetails?.namedCurve === "secp384r1"
    return { hash: large ? "sha384" : "sha256", der: encodeTlv(0x30, encodeOid(large ? "1.2.840.10045.4.3.3" : "1.2.840.10045.4.3.2")) }
}

function commonName(name: string): Buffer {
    return encodeTlv(0x30, encodeTlv(0x31, encodeTlv(0x30, encodeOid("2.5.4.3"), encodeTlv(0x0c, Buffer.from(name)))))
}

function utcTime(time: string): Buffer {
    return encodeTlv(0x17, Buffer.from(time))
}

function generalizedTime(time: string): Buffer {
    return encodeTlv(0x18, Buffer.from(time))
}

/** As a serial number: positive, and of the same length always. */
function positive(bytes: Buffer): Buffer {
    const [first = 0, ...rest] = bytes
    return Buffer.from([(first & 0x3f) | 0x40, ...rest])
}

function encodeOid(id: string): Buffer {
    const [first = 0, second = 0, ...others] = id.split(".").map(Number)
    return encodeTlv(0x06, ...[first * 40 + second, ...others].map(base128))
}

function base128(value: number): Buffer {
    const digits = [value & 0x7f]
    for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest & 0x7f) | 0x80)
    return Buffer.from(digits)
}

export function pemOf(certificate: Buffer): string {
    const lines = certificate.toString("base64").match(/.{1,64}/g) ?? []
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`
}
