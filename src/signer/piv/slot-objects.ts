import { gunzipSync } from "node:zlib"
import { PIV_SLOTS, type PivSlot } from "./description.ts"
import { encodeTlv, findTlv, malformed, onlyTlv, parseTlvs } from "./tlv.ts"

/** SP 800-73-4 part 1 table 3, and Yubico's for the key that attests. */
const OBJECT_OF: Readonly<Partial<Record<PivSlot, number>>> = { "9a": 0x5fc105, "9c": 0x5fc10a, "9d": 0x5fc10b, "9e": 0x5fc101 }
const FIRST_RETIRED_OBJECT = 0x5fc10d
const FIRST_RETIRED = PIV_SLOTS.indexOf("82")
export const ATTESTATION_OBJECT = Buffer.from("5fff01", "hex")

const LARGEST_CERTIFICATE = 16 * 1024

/** The data object that holds the certificate of a slot. */
export function certificateObjectOf(slot: PivSlot): Buffer {
    const object = OBJECT_OF[slot] ?? FIRST_RETIRED_OBJECT + PIV_SLOTS.indexOf(slot) - FIRST_RETIRED
    const bytes = Buffer.alloc(3)
    bytes.writeUIntBE(object, 0, 3)
    return bytes
}

/** SP 800-73-4 part 1 appendix A: the certificate, not compressed, and an empty error detection code. */
export function encodeCertificateObject(certificate: Uint8Array): Buffer {
    return Buffer.concat([encodeTlv(0x70, certificate), encodeTlv(0x71, Buffer.alloc(1)), encodeTlv(0xfe)])
}

/** @returns undefined for an object without a certificate. @throws token_failed */
export function parseCertificateObject(content: Buffer): Buffer | undefined {
    const elements = parseTlvs(content)
    const value = findTlv(elements, 0x70)
    if (value === undefined || value.length === 0) return undefined
    const isCompressed = ((findTlv(elements, 0x71)?.[0] ?? 0) & 0x01) !== 0
    return isCompressed ? unpack(value) : Buffer.from(value)
}

function unpack(value: Buffer): Buffer {
    try {
        return gunzipSync(value, { maxOutputLength: LARGEST_CERTIFICATE })
    } catch {
        throw malformed("a certificate is not compressed as it says")
    }
}

// 1.3.6.1.4.1.41482.3.8, https://developers.yubico.com/PIV/Introduction/PIV_attestation.html
const POLICY_EXTENSION = Buffer.from("2b0601040182c40a0308", "hex")

/**
 * PIN and touch policy as an attestation states them, in Yubico's bytes. Nothing is verified: this is for cards that say it nowhere else.
 *
 * @throws token_failed
 */
export function policiesInAttestation(certificate: Buffer): readonly [pin: number, touch: number] | undefined {
    const [body] = parseTlvs(onlyTlv(certificate, 0x30))
    const extensions = findTlv(parseTlvs(body?.value ?? Buffer.alloc(0)), 0xa3)
    if (extensions === undefined) return undefined
    for (const { value } of parseTlvs(onlyTlv(extensions, 0x30))) {
        const parts = parseTlvs(value)
        const [pin, touch] = findTlv(parts, 0x04) ?? []
        if (findTlv(parts, 0x06)?.equals(POLICY_EXTENSION) && pin !== undefined && touch !== undefined) return [pin, touch]
    }
    return undefined
}
