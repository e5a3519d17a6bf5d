import { createHash } from "node:crypto"
import { type Algorithm, type PublicKeyBytes, readPrivateNumbers, Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import { samePublicKey } from "../messages.ts"
import { keyFromCertificate } from "../pkcs11/objects.ts"
import { SW } from "./apdu.ts"
import { accepted, concatenated, INS, invalid, numberOf, type PivApplet, refused } from "./applet.ts"
import { authenticate } from "./authentication.ts"
import { PIN_POLICIES, type PinPolicy, type PivSlot, type PivSlotFacts, TOUCH_POLICIES, type TouchPolicy } from "./description.ts"
import { certificateObjectOf, encodeCertificateObject } from "./slot-objects.ts"
import { type Attestation, keyByMetadata, publicKeyIn, readAttestationCertificate, readCertificate, readStatement } from "./slots.ts"
import { encodeTlv, malformed, onlyTlv } from "./tlv.ts"

// What is put into the slots; PivCard says what each call throws. No key is overwritten, and what the card made of it is compared with what was asked for.

/** SP 800-78-4 table 6-2: the kinds that every YubiKey and every PKCS#11 module for it know. */
const ALGORITHM_IDS = { p256: 0x11, p384: 0x14, rsa2048: 0x07 } as const
type PivAlgorithm = keyof typeof ALGORITHM_IDS

/** `attested`: a card without metadata or without its attestation key has nothing to state. */
export type GeneratedKey = { readonly publicKey: PublicKeyBytes; readonly attested: Attestation | undefined }
export type KeyPolicies = { readonly pinPolicy: PinPolicy; readonly touchPolicy: TouchPolicy }

export function generate(
    applet: PivApplet,
    slot: PivSlot,
    algorithm: Algorithm,
    policies: KeyPolicies,
    managementKey: Secret,
): GeneratedKey {
    checkAlgorithm(algorithm)
    checkEmpty(applet, slot)
    authenticate(applet, managementKey)
    const template = encodeTlv(0xac, encodeTlv(0x80, Buffer.from([ALGORITHM_IDS[algorithm]])), encodePolicies(policies))
    const answer = applet.send({ ins: INS.generate, p1: 0, p2: numberOf(slot), data: template })
    const publicKey = publicKeyIn(onlyTlv(accepted(answer, "make the key"), 0x7f49))
    if (publicKey === undefined) throw malformed("a public key is none")
    checkMade(applet, slot, { algorithm, publicKey, origin: "generated", ...policies })
    const statement = readStatement(applet, slot)
    const intermediate = readAttestationCertificate(applet)
    if (statement === undefined || intermediate === undefined) return { publicKey, attested: undefined }
    const attestedKey = keyFromCertificate(statement)
    if (attestedKey === undefined || !samePublicKey(attestedKey, publicKey)) throw otherKey("it attests another one")
    return { publicKey, attested: { attestation: statement, intermediate } }
}

export function importKey(applet: PivApplet, slot: PivSlot, pkcs8: Secret, policies: KeyPolicies, managementKey: Secret): PublicKeyBytes {
    using key = readPrivateNumbers(pkcs8)
    const { algorithm, publicKey } = key
    checkAlgorithm(algorithm)
    checkEmpty(applet, slot)
    authenticate(applet, managementKey)
    // Yubico's elements: 06 for EC, 01 to 05 for RSA.
    const first = algorithm === "rsa2048" ? 0x01 : 0x06
    const elements = key.numbers.map((number, index) => new Secret(number.reveal((bytes) => encodeTlv(first + index, bytes))))
    elements.push(new Secret(encodePolicies(policies)))
    try {
        using data = concatenated(elements)
        const { sw } = applet.sendSecret({ ins: INS.importKey, p1: ALGORITHM_IDS[algorithm], p2: numberOf(slot) }, data)
        if (sw !== SW.ok) throw refused("take the key", sw)
    } finally {
        for (const element of elements) element[Symbol.dispose]()
    }
    checkMade(applet, slot, { algorithm, publicKey, origin: "imported", ...policies })
    return publicKey
}

/** @throws already_exists, key_unfit */
function checkEmpty(applet: PivApplet, slot: PivSlot): void {
    if (!applet.hasMetadata) {
        throw new TrustkeyError(
            "key_unfit",
            `this card's firmware (${applet.firmware.join(".")}) can't show that slot ${slot} is empty, and no key is overwritten; ` +
                "make the key with another tool and enrol it, or take a card of firmware 5.3 or later",
        )
    }
    if (applet.metadata(numberOf(slot)) !== undefined) {
        throw new TrustkeyError(
            "already_exists",
            `slot ${slot} holds a key, which is never overwritten; take another slot, or enrol that key`,
        )
    }
}

function checkMade(applet: PivApplet, slot: PivSlot, asked: Required<Omit<PivSlotFacts, "slot" | "certificate">>): void {
    const made = keyByMetadata(applet, slot)
    if (made?.publicKey === undefined || !samePublicKey(made.publicKey, asked.publicKey)) throw otherKey("it shows another one")
    for (const name of ["algorithm", "pinPolicy", "touchPolicy", "origin"] as const) {
        if (made[name] !== asked[name]) throw otherKey(`asked for ${asked[name]}, it has ${made[name] ?? "nothing"}`)
    }
}

export function putCertificate(applet: PivApplet, slot: PivSlot, certificate: Uint8Array, managementKey: Secret, replace?: string): void {
    const present = readCertificate(applet, slot)
    if (present?.equals(certificate) === true) return
    if (present !== undefined && createHash("sha256").update(present).digest("hex") !== replace) {
        throw new TrustkeyError("already_exists", `slot ${slot} has another certificate; name the one to replace by its SHA-256`)
    }
    const key = applet.hasMetadata ? keyByMetadata(applet, slot)?.publicKey : undefined
    const certified = keyFromCertificate(Buffer.from(certificate))
    if (certified === undefined) throw invalid("this is not an X.509 certificate for a key we use")
    if (key !== undefined && !samePublicKey(certified, key))
        throw invalid(`the certificate is for another key than the one in slot ${slot}`)
    authenticate(applet, managementKey)
    const data = Buffer.concat([encodeTlv(0x5c, certificateObjectOf(slot)), encodeTlv(0x53, encodeCertificateObject(certificate))])
    const answer = applet.send({ ins: INS.putData, p1: 0x3f, p2: 0xff, data })
    if (answer.sw === SW.noSpace) throw new TrustkeyError("token_failed", "the card has no room left for the certificate")
    accepted(answer, "keep the certificate")
    if (readCertificate(applet, slot)?.equals(certificate) !== true)
        throw new TrustkeyError("token_failed", "the card did not keep the certificate")
}

function otherKey(how: string): TrustkeyError {
    return new TrustkeyError(
        "key_unfit",
        `the card made another key than was asked for: ${how}; it is still on the card and must not be used`,
    )
}

function encodePolicies({ pinPolicy, touchPolicy }: KeyPolicies): Buffer {
    return Buffer.concat([
        encodeTlv(0xaa, Buffer.from([PIN_POLICIES.indexOf(pinPolicy) + 1])),
        encodeTlv(0xab, Buffer.from([TOUCH_POLICIES.indexOf(touchPolicy) + 1])),
    ])
}

/** @throws key_unfit */
function checkAlgorithm(algorithm: Algorithm): asserts algorithm is PivAlgorithm {
    if (Object.hasOwn(ALGORITHM_IDS, algorithm)) return
    throw new TrustkeyError("key_unfit", `the card can't have an ${algorithm} key; use P-256, P-384 or RSA-2048`)
}
