import { X509Certificate } from "node:crypto"
import { TrustkeyError } from "../errors.ts"
import { type PublicKeyBytes, spkiOf } from "./algorithm.ts"
import { commonNameIn, extensionValuesOf, parseCertificateFields } from "./certificate.ts"
import { type Authorities, checkCertificatePath, isSignedBy, parseAuthorities } from "./certificate-path.ts"
import { contentOf, parseDer, Type } from "./der.ts"
import { encodePem, parsePem } from "./pem.ts"
import { YUBICO_INTERMEDIATES_PEM, YUBICO_PIV_ISSUERS, YUBICO_ROOTS_PEM } from "./yubico-authorities.ts"

export const PIN_POLICIES = ["never", "once", "always"] as const
/** How often a PIV slot wants the PIN. */
export type PinPolicy = (typeof PIN_POLICIES)[number]
export const TOUCH_POLICIES = ["never", "cached", "always"] as const
/** How often a PIV slot wants to be touched; cached: not again within 15 s. Weakest first, as are the PIN's. */
export type TouchPolicy = (typeof TOUCH_POLICIES)[number]

/** What a YubiKey says of a key it made: a certificate of the key's slot, signed by its own key in slot f9, whose certificate is the other. */
export type Attestation = {
    /** X.509, DER */
    readonly certificate: Uint8Array
    readonly intermediate: Uint8Array
}

/** What is said in it. */
export type AttestedFacts = {
    /** Two hex digits */
    readonly slot: string
    /** Decimal */
    readonly serial: string
    /** As `5.4.3` */
    readonly firmware: string
    readonly pinPolicy: PinPolicy
    readonly touchPolicy: TouchPolicy
    /** For people; empty where the card doesn't say. */
    readonly formFactor: string
    /** The card's own certificate says that it is certified under FIPS 140. */
    readonly fips: boolean
    /** Who certified the card, as its certificate names it. */
    readonly issuer: string
    /** DER */
    readonly spki: Uint8Array
}

export type AttestationVerdict =
    /** The key was made on that card; `by` says whose root that rests upon, `root` is its name. */
    | { readonly verdict: "attested"; readonly by: "yubico" | "configured"; readonly root: string; readonly facts: AttestedFacts }
    /** All of it fits, and nobody we know vouches for the card: not Yubico's, as far as can be told. */
    | { readonly verdict: "unknown-root"; readonly facts: AttestedFacts }
    | { readonly verdict: "invalid"; readonly problem: string }

/** What must be true of the key besides. Policies: at least so strict. */
export type AttestationExpectation = {
    readonly publicKey: PublicKeyBytes
    readonly serial: string
    readonly slot?: string
    readonly pinPolicy?: PinPolicy
    readonly touchPolicy?: TouchPolicy
}

/** Roots that count besides Yubico's. Nominal: only `parseAttestationRoots` makes it. */
class ParsedRoots {
    readonly roots: readonly { readonly name: string; readonly authorities: Authorities }[]

    constructor(roots: ParsedRoots["roots"]) {
        this.roots = roots
    }
}

export type AttestationRoots = ParsedRoots

// https://developers.yubico.com/PIV/Introduction/PIV_attestation.html
const YUBICO_PIV = "1.3.6.1.4.1.41482.3"
const OID_FIRMWARE = `${YUBICO_PIV}.3`
const OID_SERIAL = `${YUBICO_PIV}.7`
const OID_POLICY = `${YUBICO_PIV}.8`
const OID_FORM_FACTOR = `${YUBICO_PIV}.9`
const OID_FIPS = `${YUBICO_PIV}.10`

const FORM_FACTORS: ReadonlyMap<number, string> = new Map([
    [1, "USB-A keychain"],
    [2, "USB-A nano"],
    [3, "USB-C keychain"],
    [4, "USB-C nano"],
    [5, "USB-C and Lightning"],
    [6, "USB-A, fingerprint"],
    [7, "USB-C, fingerprint"],
])

/** @throws invalid_request: no certificate, or one that is no certificate authority's */
export function parseAttestationRoots(pem: string): AttestationRoots {
    parseAuthorities(pem)
    return new ParsedRoots(
        parsePem(pem, "any").map(({ der }) => ({
            name: parseCertificateFields(der).commonName,
            authorities: parseAuthorities(encodePem("CERTIFICATE", der)),
        })),
    )
}

export const NO_ATTESTATION_ROOTS: AttestationRoots = new ParsedRoots([])

const YUBICO_ROOTS = parseAttestationRoots(YUBICO_ROOTS_PEM)

/**
 * Judge an attestation offline. No dates: a card has no clock and copies them from the certificate it left the factory with, and that a key
 * was made on it stays true; besides, an air-gapped machine's clock is nothing to rely upon.
 *
 * @param more roots that count besides Yubico's
 */
export function verifyAttestation(
    attestation: Attestation,
    expected: AttestationExpectation,
    more: AttestationRoots = NO_ATTESTATION_ROOTS,
): AttestationVerdict {
    let facts: AttestedFacts
    try {
        facts = parseAttestation(attestation)
    } catch (error) {
        return { verdict: "invalid", problem: `it can't be read: ${error instanceof Error ? error.message : "unreadable"}` }
    }
    const problem = signatureProblem(attestation) ?? mismatch(facts, expected)
    if (problem !== undefined) return { verdict: "invalid", problem }
    const configured = rootOf(attestation, more, "")
    if (YUBICO_PIV_ISSUERS.includes(facts.issuer)) {
        const root = rootOf(attestation, YUBICO_ROOTS, YUBICO_INTERMEDIATES_PEM)
        if (root !== undefined) return { verdict: "attested", by: "yubico", root, facts }
        if (configured === undefined)
            return { verdict: "invalid", problem: `the card's certificate names ${facts.issuer}, which has not signed it: a forgery` }
    }
    if (configured !== undefined) return { verdict: "attested", by: "configured", root: configured, facts }
    return { verdict: "unknown-root", facts }
}

/** What an attestation says, without asking whether it is true. @throws Error, of forge and OpenSSL too */
export function parseAttestation({ certificate, intermediate }: Attestation): AttestedFacts {
    const leaf = parseCertificateFields(certificate)
    const card = parseCertificateFields(intermediate)
    const values = extensionValuesOf(certificate)
    const slot = /^YubiKey PIV Attestation ([0-9a-f]{2})$/.exec(leaf.commonName)?.[1]
    if (slot === undefined) throw new Error("it does not name a slot")
    const [major, minor, patch] = bytesOf(values, OID_FIRMWARE, 3, "firmware version")
    const [pin, touch] = bytesOf(values, OID_POLICY, 2, "PIN and touch policy")
    return {
        slot,
        serial: serialOf(values),
        firmware: `${major}.${minor}.${patch}`,
        pinPolicy: named("PIN policy", { 1: "never", 2: "once", 3: "always" }, pin),
        touchPolicy: named("touch policy", { 1: "never", 2: "always", 3: "cached" }, touch),
        formFactor: values.has(OID_FORM_FACTOR) ? formFactorOf(values) : "",
        fips: card.extensions.has(OID_FIPS),
        issuer: commonNameIn(card.issuer),
        spki: leaf.spki,
    }
}

function signatureProblem({ certificate, intermediate }: Attestation): string | undefined {
    try {
        const [leaf, card] = [new X509Certificate(certificate), new X509Certificate(intermediate)]
        return isSignedBy(leaf, card) ? undefined : "it is not signed by the card's certificate"
    } catch {
        return "it can't be read: OpenSSL refuses it"
    }
}

function mismatch(facts: AttestedFacts, expected: AttestationExpectation): string | undefined {
    if (!spkiOf(expected.publicKey).equals(facts.spki)) return "it is for another public key"
    if (facts.serial !== expected.serial) return `it is from the card ${facts.serial}, not from ${expected.serial}`
    if (expected.slot !== undefined && facts.slot !== expected.slot) return `it is for slot ${facts.slot}, not for ${expected.slot}`
    const { pinPolicy, touchPolicy } = expected
    if (pinPolicy !== undefined && PIN_POLICIES.indexOf(facts.pinPolicy) < PIN_POLICIES.indexOf(pinPolicy))
        return `the key asks for the PIN "${facts.pinPolicy}", and was to ask "${pinPolicy}"`
    if (touchPolicy !== undefined && TOUCH_POLICIES.indexOf(facts.touchPolicy) < TOUCH_POLICIES.indexOf(touchPolicy))
        return `the key asks for a touch "${facts.touchPolicy}", and was to ask "${touchPolicy}"`
    return undefined
}

/** The first of the roots that everything rests upon. */
function rootOf({ certificate, intermediate }: Attestation, { roots }: AttestationRoots, between: string): string | undefined {
    const chain = `${encodePem("CERTIFICATE", certificate)}${encodePem("CERTIFICATE", intermediate)}${between}`
    return roots.find(({ authorities }) => {
        try {
            checkCertificatePath(chain, authorities, undefined)
            return true
        } catch (error) {
            if (error instanceof TrustkeyError) return false
            throw error
        }
    })?.name
}

/** The bytes of an extension: bare as Yubico documents it, or wrapped once more as some firmware is reported to do. */
function bytesOf(values: ReadonlyMap<string, Buffer>, id: string, length: number, what: string): readonly number[] {
    const value = values.get(id)
    if (value === undefined) throw new Error(`it does not say the ${what}`)
    if (value.length === length) return [...value]
    if (value.length === length + 2 && value[0] === 0x04 && value[1] === length) return [...value.subarray(2)]
    throw new Error(`the ${what} is malformed`)
}

function serialOf(values: ReadonlyMap<string, Buffer>): string {
    const value = values.get(OID_SERIAL)
    if (value === undefined) throw new Error("it does not say the serial number")
    const digits = contentOf(parseDer(value), Type.INTEGER)
    if ((digits[0] ?? 0x80) >= 0x80) throw new Error("the serial number is malformed")
    return BigInt(`0x${digits.toString("hex")}`).toString()
}

function formFactorOf(values: ReadonlyMap<string, Buffer>): string {
    const [value = 0] = bytesOf(values, OID_FORM_FACTOR, 1, "form factor")
    return FORM_FACTORS.get(value & 0x7f) ?? ""
}

function named<T extends string>(what: string, names: Readonly<Record<number, T>>, value: number | undefined): T {
    const name = value === undefined ? undefined : names[value]
    if (name === undefined) throw new Error(`it states a ${what} that is unknown here`)
    return name
}
