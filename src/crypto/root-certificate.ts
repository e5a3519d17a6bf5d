import { TrustkeyError } from "../errors.ts"
import { algorithmOf, type PublicKeyBytes, spkiOf } from "./algorithm.ts"
import {
    bitString,
    encodeDer,
    type Node,
    nothing,
    oid,
    parseDer,
    primitive,
    sequence,
    sequenceOf,
    set,
    Type,
    tagged,
    text,
    unsignedInteger,
    yes,
} from "./der.ts"
import { encodePem } from "./pem.ts"
import { certificateScheme, rawToDer, verify } from "./signature.ts"

export type RootCertificateOptions = {
    readonly gun: string
    readonly publicKey: PublicKeyBytes
    /** 16 random bytes */
    readonly serial: Uint8Array
    readonly notBefore: Date
    readonly notAfter: Date
}

export const OID = {
    commonName: "2.5.4.3",
    organization: "2.5.4.10",
    keyUsage: "2.5.29.15",
    basicConstraints: "2.5.29.19",
    extKeyUsage: "2.5.29.37",
    codeSigning: "1.3.6.1.5.5.7.3.3",
    ecdsaWithSha256: "1.2.840.10045.4.3.2",
    sha256WithRsa: "1.2.840.113549.1.1.11",
} as const

const SERIAL_LENGTH = 16
const VERSION_3 = Buffer.from([2])
export const DIGITAL_SIGNATURE = { bits: Buffer.from([0b1000_0000]), unused: 7 }
const DIGITAL_SIGNATURE_AND_KEY_ENCIPHERMENT = { bits: Buffer.from([0b1010_0000]), unused: 5 }

// What Go's encoding/asn1 puts into a PrintableString; with anything else it takes UTF8String.
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/

/**
 * The DER TBSCertificate of the certificate Notary makes for a root key and a GUN: to be signed with
 * `certificateScheme(…)`. SHA-256 on P-384 too, where Notary takes SHA-384: nobody verifies a root certificate's own
 * signature, and a key then has one way to sign.
 *
 * @throws key_unfit for Ed25519; invalid_request for dates or a serial that can't be
 */
export function rootCertificateTbs({ gun, publicKey, serial, notBefore, notAfter }: RootCertificateOptions): Uint8Array {
    requireSerial(serial)
    if (!(notBefore.getTime() <= notAfter.getTime()))
        throw new TrustkeyError("invalid_request", "the certificate would end before it begins")
    const name = nameOf(gun)
    return encodeDer(
        sequence(
            tagged(0, primitive(Type.INTEGER, VERSION_3)),
            unsignedInteger(serial),
            signatureAlgorithm(publicKey),
            name,
            sequence(time(notBefore), time(notAfter)),
            name,
            parseDer(spkiOf(publicKey)),
            tagged(3, extensions()),
        ),
    )
}

/** A common name and nothing else. */
export function nameOf(gun: string): Node {
    return sequence(set(sequence(oid(OID.commonName), text(PRINTABLE.test(gun) ? Type.PRINTABLESTRING : Type.UTF8, gun))))
}

export type CardCertificateOptions = {
    readonly publicKey: PublicKeyBytes
    /** 16 random bytes */
    readonly serial: Uint8Array
    readonly notBefore: Date
}

/** A root certificate's name is its GUN alone, so none is like this. */
const CARD_NAME = { organization: "trustkeyd card certificate", commonName: "root" } as const
/** RFC 5280 §4.1.2.5: there is no good date, it lies beside a key on a card. */
const NO_END = new Date("9999-12-31T23:59:59Z")

/**
 * The DER TBSCertificate of what lies beside a root key on a card: stock Notary clients list a card's certificates whose common name is a
 * role, and read nothing else of them. It stands for the key nowhere: it names no GUN, and an organization no root certificate names.
 *
 * @throws key_unfit for Ed25519; invalid_request for a serial that can't be
 */
export function cardCertificateTbs({ publicKey, serial, notBefore }: CardCertificateOptions): Uint8Array {
    requireSerial(serial)
    const { bits, unused } = DIGITAL_SIGNATURE
    const name = sequence(
        set(sequence(oid(OID.organization), text(Type.PRINTABLESTRING, CARD_NAME.organization))),
        set(sequence(oid(OID.commonName), text(Type.PRINTABLESTRING, CARD_NAME.commonName))),
    )
    return encodeDer(
        sequence(
            tagged(0, primitive(Type.INTEGER, VERSION_3)),
            unsignedInteger(serial),
            signatureAlgorithm(publicKey),
            name,
            sequence(time(notBefore), time(NO_END)),
            name,
            parseDer(spkiOf(publicKey)),
            tagged(
                3,
                sequence(
                    sequence(oid(OID.keyUsage), yes(), octets(bitString(bits, unused))),
                    sequence(oid(OID.basicConstraints), yes(), octets(sequence())),
                ),
            ),
        ),
    )
}

/**
 * @param signature over `tbs`, as `signWith` gives it: raw r ‖ s for ECDSA
 * @returns PEM ending in a newline
 * @throws bad_signature: it does not verify (TK-SIG-2)
 */
export function assembleCertificate(tbs: Uint8Array, publicKey: PublicKeyBytes, signature: Uint8Array): string {
    return encodePem("CERTIFICATE", assembleSigned(tbs, publicKey, signature))
}

/** What is signed, how, and the signature: the form of a certificate and of a request for one. @throws bad_signature (TK-SIG-2) */
export function assembleSigned(signed: Uint8Array, publicKey: PublicKeyBytes, signature: Uint8Array): Buffer {
    if (!verify(publicKey, certificateScheme(algorithmOf(publicKey)), signed, signature)) {
        throw new TrustkeyError("bad_signature", "the certificate's signature does not verify")
    }
    const encoded = publicKey.keytype === "ecdsa" ? rawToDer(signature) : signature
    return encodeDer(sequence(parseSigned(signed), signatureAlgorithm(publicKey), bitString(encoded)))
}

function requireSerial(serial: Uint8Array): void {
    if (serial.length === SERIAL_LENGTH && serial.some((byte) => byte !== 0)) return
    throw new TrustkeyError("invalid_request", `a serial number has ${SERIAL_LENGTH} bytes and is not zero`)
}

function parseSigned(signed: Uint8Array): Node {
    try {
        const node = parseDer(signed)
        sequenceOf(node)
        return node
    } catch (cause) {
        throw new TrustkeyError("internal", "not what a certificate is made of", { cause })
    }
}

function signatureAlgorithm(publicKey: PublicKeyBytes): Node {
    const scheme = certificateScheme(algorithmOf(publicKey))
    // RFC 5758 §3.2: no parameters; RFC 4055 §5: NULL.
    return scheme === "ecdsa" ? sequence(oid(OID.ecdsaWithSha256)) : sequence(oid(OID.sha256WithRsa), nothing())
}

/** In Go's order; no key identifiers. */
function extensions(): Node {
    const { bits, unused } = DIGITAL_SIGNATURE_AND_KEY_ENCIPHERMENT
    return sequence(
        sequence(oid(OID.keyUsage), yes(), octets(bitString(bits, unused))),
        sequence(oid(OID.extKeyUsage), octets(sequence(oid(OID.codeSigning)))),
        // An empty SEQUENCE: cA is FALSE by default, and DER leaves defaults out.
        sequence(oid(OID.basicConstraints), yes(), octets(sequence())),
    )
}

export function octets(node: Node): Node {
    return primitive(Type.OCTETSTRING, encodeDer(node))
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on; whole seconds. */
function time(date: Date): Node {
    const year = date.getUTCFullYear()
    if (year < 1950 || year > 9999) throw new TrustkeyError("invalid_request", "a certificate's dates are between 1950 and 9999")
    const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`
    return year < 2050 ? text(Type.UTCTIME, digits.slice(2)) : text(Type.GENERALIZEDTIME, digits)
}
