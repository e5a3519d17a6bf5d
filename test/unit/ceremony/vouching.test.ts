import assert from "node:assert/strict"
import { randomBytes, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { type StepInput, verifyCeremony } from "../../../src/ceremony/index.ts"
import { type Attestation, bundleSignatureProblem, issuedByProblem } from "../../../src/crypto/index.ts"
import { certificateKey } from "../../../src/tuf/index.ts"
import { type BuiltCertificate, buildAuthority, buildCertificate } from "../../support/certificate-builder.ts"
import { type AttestedKey, attest, createAttestationAuthority } from "../../support/yubikey/attestation.ts"
import {
    backedUp,
    built,
    type CeremonyRig,
    ceremonyRig,
    closed,
    completed,
    ended,
    filesOf,
    GUNS,
    heldKey,
    inputs,
    opened,
    step,
} from "./rig.ts"

const CARD = createAttestationAuthority("rsa").issue([5, 4, 3])
const PLACE = { token: "alice", serial: "111", slot: "9c", pinPolicy: "once", touchPolicy: "always" } as const

function attestationOf(rig: CeremonyRig, changes: Partial<AttestedKey> = {}): Attestation {
    const publicKey = Buffer.from((rig.held.get("alice-2") ?? heldKey()).publicKey.bytes)
    const said = { slot: 0x9c, publicKey, pinPolicy: 2, touchPolicy: 2, serial: 111, firmware: [5, 4, 3], formFactor: 1, ...changes }
    const certificate = attest(said, CARD.key, CARD.certificate, randomBytes)
    assert.ok(certificate !== undefined)
    return { certificate, intermediate: CARD.certificate }
}

type Shown = Extract<StepInput, { readonly step: "keygen" | "present" }>

function keygen(rig: CeremonyRig, changes: Partial<Shown>): StepInput {
    const input = inputs.show(rig, "alice-2")
    return input.step === "keygen" ? { ...input, ...changes } : input
}

const atVault = opened(ceremonyRig("rotate-root", { guns: [GUNS[0]] }))

describe("a key that its card attests", () => {
    test("is taken in with the attestation, which a stranger reads again and says whom he doesn't know", () => {
        const shown = step(atVault, keygen(atVault, { attestation: attestationOf(atVault) }))
        const rig = completed(shown)
        assert.ok(rig.bundle.artefact("attestation/alice-2") !== undefined)
        const verdict = verifyCeremony(filesOf(rig))
        assert.equal(verdict.ok, true)
        assert.deepEqual(
            verdict.findings.map(({ level, record }) => [level, record]),
            [["warning", 3]],
        )
        assert.match(verdict.findings[0]?.text ?? "", /^the attestation of key alice-2: /)
    })

    const LIES: readonly (readonly [title: string, attestation: () => Attestation, expected: RegExp, place?: Shown["place"]])[] = [
        ["for another key", () => attestationOf(atVault, { publicKey: Buffer.from(heldKey().publicKey.bytes) }), /is for another key/],
        ["by another card", () => attestationOf(atVault, { serial: 112 }), /is by the card 112/],
        ["for another slot", () => attestationOf(atVault, { slot: 0x9a }), /another slot or policy/],
        ["of a weaker PIN policy", () => attestationOf(atVault, { pinPolicy: 1 }), /another slot or policy/],
        ["of another touch policy", () => attestationOf(atVault, { touchPolicy: 3 }), /another slot or policy/],
        [
            "that is not signed by the card",
            () => ({ ...attestationOf(atVault), intermediate: createAttestationAuthority("rsa").issue([5, 4, 3]).certificate }),
            /the attestation: /,
        ],
        [
            "that is the card's own certificate",
            () => ({ certificate: CARD.certificate, intermediate: CARD.certificate }),
            /the attestation can't be read/,
        ],
    ]
    for (const [title, attestation, expected] of LIES) {
        test(`is refused with an attestation ${title}`, () => {
            assert.throws(() => step(atVault, keygen(atVault, { attestation: attestation() })), { code: "step_refused", message: expected })
        })
    }

    test("must have its policies on record, where the attestation says them", () => {
        const rig = opened(ceremonyRig("rotate-root", { isSmall: true, guns: [GUNS[0]] }))
        const attestation = attestationOf(rig)
        const { pinPolicy: _, ...place } = PLACE
        assert.throws(() => step(rig, keygen(rig, { attestation, place })), { code: "step_refused", message: /another slot or policy/ })
        assert.equal(step(rig, keygen(rig, { attestation, place: PLACE })).bundle.records.length, 3)
    })

    test("by a real card is signed by that card", () => {
        const read = (name: string): Buffer =>
            new X509Certificate(readFileSync(path.resolve(import.meta.dirname, "../../vectors/attestation", name))).raw
        const [slot, card] = [read("yubikey-5.2.6-9c.pem"), read("yubikey-5.2.6-card.pem")]
        assert.equal(issuedByProblem(slot, card), undefined)
        assert.match(issuedByProblem(card, slot) ?? "", /names another issuer/)
        assert.equal(issuedByProblem(Buffer.from("x"), card), "a certificate can't be read")
    })
})

describe("a certificate that an authority issued", () => {
    const gun = GUNS[0]
    const key = atVault.held.get("alice-2") ?? heldKey()
    const authority = buildAuthority({ name: "Example Root CA" })
    const between = buildAuthority({ name: "Example Signing CA", issuer: authority, algorithm: "rsa2048" })
    const leaf = (changes: Partial<Parameters<typeof buildCertificate>[0]> = {}): BuiltCertificate =>
        buildCertificate({ name: gun, issuer: between, publicKey: key.publicKey, ...changes })
    const chain = (...certificates: readonly BuiltCertificate[]): string => certificates.map(({ pem }) => pem).join("")

    test("is taken with the authorities above it, and the root that holds it is verified", () => {
        const certificate = chain(leaf(), between, authority)
        let rig = step(atVault, keygen(atVault, { certificates: [certificate] }))
        rig = built(rig)
        for (const { name } of rig.bundle.plan.keys) {
            const input = inputs.sign(rig, name, 0)
            const root = rig.bundle.artefact("signed/0") ?? Buffer.alloc(0)
            if (name === "alice-2" && input.step === "sign")
                rig = step(rig, { ...input, signature: key.sign(root, certificateKey(certificate)) })
            else rig = step(rig, input)
        }
        rig = closed(ended(backedUp(rig)))
        assert.deepEqual(verifyCeremony(filesOf(rig)).findings, [])
        assert.match(
            rig.bundle.artefact("root/0")?.toString("utf8") ?? "",
            new RegExp(Buffer.from(certificate).toString("base64").slice(0, 80)),
        )
    })

    const FLAWS: readonly (readonly [title: string, pem: () => string, expected: RegExp])[] = [
        ["without the authority that issued it", () => chain(leaf()), /names another issuer/],
        ["under authorities in another order", () => chain(leaf(), authority, between), /names another issuer/],
        [
            "under one of the same name and another key",
            () => chain(leaf(), buildAuthority({ name: "Example Signing CA" })),
            /signature is not by the key/,
        ],
        ["under what is no authority", () => chain(leaf({ issuer: key2 }), key2), /no CA, and then CAs only/],
        ["that is an authority's itself", () => chain(leaf({ ca: true }), between), /no CA, and then CAs only/],
        ["signed with SHA-1", () => chain(leaf({ issuer: authority, sha1: true }), authority), /outdated or unknown algorithm/],
        ["for a name with a star", () => chain(leaf({ name: "registry.example.com/team/*" }), between), /is for another repository/],
        ["for nothing", () => "", /the certificate for .*: /],
        ["in text around it", () => `hello\n${chain(leaf(), between)}`, /not written as PEM in lines of 64/],
    ]
    const key2 = buildCertificate({ name: "no authority" })
    for (const [title, pem, expected] of FLAWS) {
        test(`is refused ${title}`, () => {
            assert.throws(() => step(atVault, keygen(atVault, { certificates: [pem()] })), { code: "step_refused", message: expected })
        })
    }

    test("is signed by itself if it stands alone", () => {
        assert.equal(bundleSignatureProblem(heldKey().certificateFor(gun)), undefined)
        assert.equal(bundleSignatureProblem(heldKey("rsa2048").certificateFor(gun)), undefined)
        assert.equal(bundleSignatureProblem(chain(leaf(), between)), undefined)
        assert.equal(
            bundleSignatureProblem(buildAuthority({ name: "alone", sha1: true }).pem),
            "a certificate is signed with an outdated or unknown algorithm",
        )
    })
})
