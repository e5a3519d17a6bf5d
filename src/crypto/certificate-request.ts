import { type PublicKeyBytes, spkiOf } from "./algorithm.ts"
import { bitString, encodeDer, oid, parseDer, primitive, sequence, set, Type, tagged, yes } from "./der.ts"
import { encodePem } from "./pem.ts"
import { assembleSigned, DIGITAL_SIGNATURE, nameOf, OID, octets } from "./root-certificate.ts"

/** PKCS #9: the extensions a request asks for (RFC 2985 §5.4.2). */
const OID_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
const VERSION_1 = Buffer.from([0])

/**
 * The DER CertificationRequestInfo (RFC 2986) by which a root key asks an authority for a certificate that stands for it in `gun`: the GUN
 * alone as its name, for signatures, and no authority's. It asks for no extended key usage: our clients want codeSigning or none stated,
 * and a stock notary client that pins an authority wants serverAuth or none.
 *
 * It begins with the INTEGER 0 and a name, where a certificate begins with its version in a tag of its own: neither can be read as the other.
 */
export function certificateRequestInfo(gun: string, publicKey: PublicKeyBytes): Uint8Array {
    const { bits, unused } = DIGITAL_SIGNATURE
    const extensions = sequence(
        sequence(oid(OID.keyUsage), yes(), octets(bitString(bits, unused))),
        sequence(oid(OID.basicConstraints), yes(), octets(sequence())),
    )
    return encodeDer(
        sequence(
            primitive(Type.INTEGER, VERSION_1),
            nameOf(gun),
            parseDer(spkiOf(publicKey)),
            tagged(0, sequence(oid(OID_EXTENSION_REQUEST), set(extensions))),
        ),
    )
}

/**
 * @param signature over `info`, by `certificateScheme`, as `signWith` gives it
 * @returns PEM ending in a newline
 * @throws bad_signature: it does not verify (TK-SIG-2)
 */
export function assembleCertificateRequest(info: Uint8Array, publicKey: PublicKeyBytes, signature: Uint8Array): string {
    return encodePem("CERTIFICATE REQUEST", assembleSigned(info, publicKey, signature))
}
