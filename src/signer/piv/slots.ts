import { algorithmOf, type PublicKeyBytes } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { CKK_EC } from "../pkcs11/mechanisms.ts"
import { keyFromCertificate, keyFromModulus, keyFromPoint } from "../pkcs11/objects.ts"
import { SW } from "./apdu.ts"
import { accepted, INS, numberOf, type PivApplet } from "./applet.ts"
import { PIN_POLICIES, type PivSlot, type PivSlotFacts, TOUCH_POLICIES } from "./description.ts"
import { ATTESTATION_OBJECT, certificateObjectOf, parseCertificateObject, policiesInAttestation } from "./slot-objects.ts"
import { encodeTlv, findTlv, onlyTlv, parseTlvs } from "./tlv.ts"

// What is in the slots, as the card tells it. Nothing of it is proven here.

/** DER: the statement about one key, and the certificate of the key that signed it. */
export type Attestation = { readonly attestation: Buffer; readonly intermediate: Buffer }

/** Status words of ATTEST: no such key, imported, no attestation key, no such command. */
const NOTHING_TO_ATTEST: ReadonlySet<number> = new Set([
    SW.wrongData,
    SW.notFound,
    SW.referenceNotFound,
    SW.wrongParameters,
    SW.noInstruction,
])

/** Undefined for an empty one. */
export function describeSlot(applet: PivApplet, slot: PivSlot): PivSlotFacts | undefined {
    const certificate = readCertificate(applet, slot)
    const kept = certificate === undefined ? {} : { certificate }
    const key = applet.hasMetadata ? keyByMetadata(applet, slot) : keyByAttestation(applet, slot)
    if (key !== undefined) return { ...key, ...kept }
    return certificate === undefined ? undefined : { slot, pinPolicy: "unknown", touchPolicy: "unknown", origin: "unknown", ...kept }
}

/** The key in a slot, as GET METADATA tells it. */
export function keyByMetadata(applet: PivApplet, slot: PivSlot): PivSlotFacts | undefined {
    const fields = applet.metadata(numberOf(slot))
    if (fields === undefined) return undefined
    const [pin = 0, touch = 0] = findTlv(fields, 0x02) ?? []
    const origin = findTlv(fields, 0x03)?.[0]
    return {
        slot,
        ...keyFacts(publicKeyIn(findTlv(fields, 0x04))),
        ...policyNames(slot, pin, touch),
        origin: origin === 1 ? "generated" : origin === 2 ? "imported" : "unknown",
    }
}

function keyByAttestation(applet: PivApplet, slot: PivSlot): PivSlotFacts | undefined {
    const statement = readStatement(applet, slot)
    if (statement === undefined) return undefined
    const [pin, touch] = policiesInAttestation(statement) ?? []
    return { slot, ...keyFacts(keyFromCertificate(statement)), ...policyNames(slot, pin, touch), origin: "generated" }
}

export function attest(applet: PivApplet, slot: PivSlot): Attestation {
    const attestation = readStatement(applet, slot)
    const intermediate = readAttestationCertificate(applet)
    if (attestation === undefined) throw new TrustkeyError("not_found", `there is no key in slot ${slot} that was made on this card`)
    if (intermediate === undefined) throw new TrustkeyError("not_found", "the card has lost the certificate of its attestation key")
    return { attestation, intermediate }
}

/** Undefined when the card has nothing to state: an empty slot, an imported key, a firmware before 4.3. */
export function readStatement(applet: PivApplet, slot: PivSlot): Buffer | undefined {
    const answer = applet.send({ ins: INS.attest, p1: numberOf(slot), p2: 0 })
    if (NOTHING_TO_ATTEST.has(answer.sw)) return undefined
    return accepted(answer, "attest the key")
}

export function readCertificate(applet: PivApplet, slot: PivSlot): Buffer | undefined {
    return certificateIn(applet, certificateObjectOf(slot))
}

/** Of the key that attests; DER. */
export function readAttestationCertificate(applet: PivApplet): Buffer | undefined {
    return certificateIn(applet, ATTESTATION_OBJECT)
}

function certificateIn(applet: PivApplet, object: Buffer): Buffer | undefined {
    const answer = applet.send({ ins: INS.getData, p1: 0x3f, p2: 0xff, data: encodeTlv(0x5c, object) })
    if (answer.sw === SW.notFound) return undefined
    return parseCertificateObject(onlyTlv(accepted(answer, "show a certificate"), 0x53))
}

/** Zero stands for the slot's own: 9c asks for the PIN each time, 9e never. */
function policyNames(slot: PivSlot, pin: number | undefined, touch: number | undefined): Pick<PivSlotFacts, "pinPolicy" | "touchPolicy"> {
    const own = slot === "9c" ? "always" : slot === "9e" ? "never" : "once"
    const name = <T extends string>(names: readonly T[], value: number | undefined, otherwise: T): T | "unknown" =>
        value === 0 ? otherwise : (names[(value ?? 0) - 1] ?? "unknown")
    return { pinPolicy: name(PIN_POLICIES, pin, own), touchPolicy: name(TOUCH_POLICIES, touch, "never") }
}

/** 86 point, or 81 modulus and 82 exponent; undefined when that is no key of a kind we use. */
export function publicKeyIn(elements: Buffer | undefined): PublicKeyBytes | undefined {
    const fields = parseTlvs(elements ?? Buffer.alloc(0))
    const point = findTlv(fields, 0x86)
    if (point !== undefined) return keyFromPoint(point, CKK_EC)
    const [modulus, exponent] = [findTlv(fields, 0x81), findTlv(fields, 0x82)]
    return modulus === undefined || exponent === undefined ? undefined : keyFromModulus(modulus, exponent)
}

function keyFacts(publicKey: PublicKeyBytes | undefined): Pick<PivSlotFacts, "publicKey" | "algorithm"> {
    if (publicKey === undefined) return {}
    try {
        return { publicKey, algorithm: algorithmOf(publicKey) }
    } catch {
        // RSA-1024 and the like.
        return {}
    }
}
