import {
    type AttestationRoots,
    type AttestationVerdict,
    NO_ATTESTATION_ROOTS,
    PIN_POLICIES,
    parseAttestation,
    TOUCH_POLICIES,
    verifyAttestation,
} from "../crypto/index.ts"
import type { DaemonKey } from "./daemon-types.ts"
import { tokenOf } from "./key-home.ts"

/** What became of a key's attestation when it was verified here, and in words. */
export type Judgement = { readonly verdict: AttestationVerdict["verdict"] | "none"; readonly text: string }

/**
 * TK-KEY-3: the daemon's word is not taken for it. Offline, by the roots that come with this program and those in `roots`.
 *
 * @returns undefined: no key on a token
 */
export function judge(key: DaemonKey, roots: AttestationRoots = NO_ATTESTATION_ROOTS): Judgement | undefined {
    const { attestation, home, origin } = key
    if (tokenOf(home) === undefined) return undefined
    if (attestation === undefined) {
        const text =
            origin === "imported" ? "none: the key came from a file" : "none: that it was made on the token is the token's own word"
        return { verdict: "none", text }
    }
    const verdict = verify(key, roots)
    if (verdict.verdict === "invalid") return { verdict: "invalid", text: `NOT VALID: ${verdict.problem}` }
    const { serial, firmware, slot, formFactor, fips } = verdict.facts
    const kind = [formFactor, fips ? "FIPS" : ""].filter((word) => word !== "").join(", ")
    const made = `made on YubiKey ${serial}${kind === "" ? "" : ` (${kind})`}, firmware ${firmware}, slot ${slot}`
    if (verdict.verdict === "attested") {
        const whose = verdict.by === "yubico" ? "" : ", which is not Yubico's"
        return { verdict: "attested", text: `${made}; verified up to ${verdict.root}${whose}` }
    }
    if (attestation.verdict === "attested" && attestation.by === "configured") {
        const text = `${made}; not by a root of Yubico's: the daemon verified it up to ${attestation.root}, which its configuration names`
        return { verdict: "unknown-root", text }
    }
    return { verdict: "unknown-root", text: `says ${made}; but NOT YUBICO'S: nobody known here vouches for this card` }
}

function verify(key: DaemonKey, roots: AttestationRoots): AttestationVerdict {
    const { attestation } = key
    const keytype = (["ecdsa", "rsa", "ed25519"] as const).find((known) => known === key.keytype)
    if (attestation === undefined || keytype === undefined)
        return { verdict: "invalid", problem: `there is none for keys of type ${key.keytype}` }
    const pinPolicy = PIN_POLICIES.find((policy) => policy === key.pinPolicy)
    const touchPolicy = TOUCH_POLICIES.find((policy) => policy === key.touchPolicy)
    const expected = {
        publicKey: { keytype, bytes: key.publicKey },
        serial: attestation.serial,
        ...(pinPolicy === undefined ? {} : { pinPolicy }),
        ...(touchPolicy === undefined ? {} : { touchPolicy }),
    }
    return verifyAttestation(attestation, expected, roots)
}

/** For --json: what it says, as far as it can be read. */
export function attestedFacts(key: DaemonKey): object | undefined {
    if (key.attestation === undefined) return undefined
    try {
        const { slot, serial, firmware, pinPolicy, touchPolicy, formFactor, fips, issuer } = parseAttestation(key.attestation)
        return { slot, serial, firmware, pinPolicy, touchPolicy, formFactor, fips, issuer }
    } catch {
        return undefined
    }
}
