import assert from "node:assert/strict"
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { judge } from "../../../src/cli/attestation.ts"
import type { DaemonAttestation, DaemonKey } from "../../../src/cli/daemon-types.ts"
import { pemToPublicKey } from "../../../src/crypto/index.ts"
import { sampleKey } from "./fake-daemon.ts"

const VECTORS = path.resolve(import.meta.dirname, "../../vectors/attestation")
const read = (name: string): string => readFileSync(path.join(VECTORS, name), "latin1")
const slot = read("yubikey-5.2.6-9c.pem")
const attestation: DaemonAttestation = {
    certificate: new X509Certificate(slot).raw,
    intermediate: new X509Certificate(read("yubikey-5.2.6-card.pem")).raw,
    verdict: "attested",
    by: "yubico",
    root: "Yubico PIV Root CA Serial 263751",
    problem: "",
    serial: "13078782",
}

function key(changes: Partial<DaemonKey> = {}): DaemonKey {
    const publicKey = pemToPublicKey(slot).bytes
    return sampleKey({ publicKey, home: "token:yubikey", pinPolicy: "always", touchPolicy: "always", attestation, ...changes })
}

describe("a key's attestation, as the client judges it", () => {
    test("TK-KEY-3 is verified here, whatever the daemon says of it", () => {
        const judgement = judge(key())
        assert.equal(judgement?.verdict, "attested")
        assert.equal(
            judgement?.text,
            "made on YubiKey 13078782 (USB-C keychain), firmware 5.2.6, slot 9c; verified up to Yubico PIV Root CA Serial 263751",
        )
        assert.equal(judge(key({ attestation: { ...attestation, verdict: "invalid", problem: "the daemon lies" } }))?.verdict, "attested")
    })

    test("of a daemon that lies is none: another key, another card, stricter policies than the card has", () => {
        assert.match(judge(key({ publicKey: sampleKey().publicKey }))?.text ?? "", /NOT VALID: it is for another public key/)
        assert.match(judge(key({ attestation: { ...attestation, serial: "1" } }))?.text ?? "", /from the card 13078782, not from 1/)
        assert.match(judge(key({ keytype: "dsa" }))?.text ?? "", /NOT VALID: there is none for keys of type dsa/)
        const intermediate = attestation.certificate
        assert.equal(judge(key({ attestation: { ...attestation, intermediate } }))?.verdict, "invalid")
    })

    test("is none where there is none, and nothing is said of a key that is not on a token", () => {
        assert.equal(judge(key({ attestation: undefined }))?.text, "none: that it was made on the token is the token's own word")
        assert.equal(judge(key({ attestation: undefined, origin: "imported" }))?.text, "none: the key came from a file")
        assert.equal(judge(sampleKey()), undefined)
    })
})
