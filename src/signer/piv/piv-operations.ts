import type { Secret } from "../../crypto/index.ts"
import type { Surroundings } from "../child.ts"
import { type Fields, toBase64 } from "../fields.ts"
import { ALGORITHMS, encodePublicKey, parseContext, parseSealed } from "../messages.ts"
import { encodePivDescription, MANAGEMENT_ALGORITHMS, PIN_POLICIES, PIV_SLOTS, TOUCH_POLICIES } from "./description.ts"
import { decodeHex } from "./management-key.ts"
import type { PivCard } from "./piv-card.ts"
import type { KeyPolicies } from "./placement.ts"
import type { Attestation } from "./slots.ts"

/** Lends the card for one operation. */
export type UseCard = <T>(work: (card: PivCard) => T) => T

/** The requests that PKCS#11 has no words for, see docs/formats/signer-frames.md. */
export function isPivOperation(operation: string): boolean {
    return operation.startsWith("piv-")
}

/** @returns undefined for an operation that isn't known */
export function runPivOperation(operation: string, request: Fields, inbox: Surroundings["inbox"], useCard: UseCard): object | undefined {
    // Opened before the card is asked for: what doesn't open must cost nobody a login.
    const secret = (name: string): Secret => openSecret(inbox, request.fields(name))
    const managementKey = (name: string): Secret => {
        using digits = secret(name)
        return decodeHex(digits)
    }
    switch (operation) {
        case "piv-describe":
            return encodePivDescription(useCard((card) => card.describe()))
        case "piv-attest": {
            const slot = request.oneOf("slot", PIV_SLOTS)
            return useCard((card) => encodeAttestation(card, card.attest(slot)))
        }
        case "piv-generate": {
            const slot = request.oneOf("slot", PIV_SLOTS)
            const algorithm = request.oneOf("algorithm", ALGORITHMS)
            const policies = parsePolicies(request)
            using key = managementKey("managementKey")
            return useCard((card) => {
                const { publicKey, attested } = card.generate(slot, algorithm, policies, key)
                return { publicKey: encodePublicKey(publicKey), ...(attested === undefined ? {} : encodeAttestation(card, attested)) }
            })
        }
        case "piv-import": {
            const slot = request.oneOf("slot", PIV_SLOTS)
            const policies = parsePolicies(request)
            using key = managementKey("managementKey")
            using pkcs8 = secret("pkcs8")
            return { publicKey: encodePublicKey(useCard((card) => card.importKey(slot, pkcs8, policies, key))) }
        }
        case "piv-put-certificate": {
            const slot = request.oneOf("slot", PIV_SLOTS)
            const certificate = request.bytes("certificate")
            const replace = request.has("replace") ? request.text("replace") : undefined
            using key = managementKey("managementKey")
            useCard((card) => card.putCertificate(slot, certificate, key, replace))
            return {}
        }
        case "piv-set-management-key": {
            const algorithm = request.oneOf("algorithm", MANAGEMENT_ALGORITHMS)
            using old = managementKey("old")
            using next = managementKey("new")
            useCard((card) => card.setManagementKey(old, next, algorithm))
            return {}
        }
        default:
            return undefined
    }
}

/** TK-SEC-2: sealed for this process; nobody on the way could read it. */
function openSecret(inbox: Surroundings["inbox"], fields: Fields): Secret {
    return inbox.open(parseContext(fields.fields("context")), parseSealed(fields.fields("sealed")))
}

function parsePolicies(request: Fields): KeyPolicies {
    return { pinPolicy: request.oneOf("pinPolicy", PIN_POLICIES), touchPolicy: request.oneOf("touchPolicy", TOUCH_POLICIES) }
}

function encodeAttestation({ serial }: PivCard, { attestation, intermediate }: Attestation): object {
    return { serial, attestation: toBase64(attestation), intermediate: toBase64(intermediate) }
}
