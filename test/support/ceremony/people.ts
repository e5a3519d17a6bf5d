import { randomBytes } from "node:crypto"
import { spkiOf } from "../../../src/crypto/algorithm.ts"
import {
    type Algorithm,
    algorithmOf,
    assembleCertificate,
    certificateScheme,
    rootCertificateTbs,
    signWith,
} from "../../../src/crypto/index.ts"
import { type BuiltCertificate, buildAuthority, buildCertificate, DIGITAL_SIGNATURE, USAGE } from "../certificate-builder.ts"
import { type AttestationAuthority, attest, createAttestationAuthority } from "../yubikey/attestation.ts"
import { keyIdOf, keyJson, type Loose, makeSigner, type Signer } from "./draft.ts"

export type Change = "new" | "added" | "kept" | "retired" | "lost"

export type KeySpec = {
    readonly name: string
    readonly holder: string
    readonly change: Change
    readonly algorithm?: Algorithm
    readonly make?: "token" | "vault"
    readonly attested?: boolean
    readonly copies?: readonly string[]
    readonly certifiedTo?: Date
    /** Its certificates are by an authority, for each repository. */
    readonly byAuthority?: boolean
}

/** The key as a role of root has it: in its certificate. */
export type CertifiedKey = { readonly id: string; readonly json: Loose; readonly pem: string }

/** A key of the ceremony, with everything that its record says of it. */
export type CeremonyKey = {
    readonly spec: KeySpec
    readonly signer: Signer
    readonly token: string
    readonly serial: string
    readonly spki: Buffer
    readonly certified: readonly CertifiedKey[]
    readonly attestation: { readonly statement: Buffer; readonly card: Buffer } | undefined
}

export const CERTIFIED_FROM = new Date("2026-11-01T00:00:00Z")
export const CERTIFIED_TO = new Date("2037-11-01T00:00:00Z")

let authority: AttestationAuthority | undefined
let issuer: BuiltCertificate | undefined

/** By its own key, as trustkeyd makes it. */
export function certify(signer: Signer, gun: string, from = CERTIFIED_FROM, to = CERTIFIED_TO): CertifiedKey {
    const tbs = rootCertificateTbs({ gun, publicKey: signer.publicKey, serial: randomBytes(16), notBefore: from, notAfter: to })
    const signature = signWith(signer.privateKey, certificateScheme(algorithmOf(signer.publicKey)), tbs)
    return certifiedKey(signer, assembleCertificate(tbs, signer.publicKey, signature))
}

export function certifiedKey(signer: Signer, pem: string): CertifiedKey {
    const keytype = `${signer.publicKey.keytype}-x509`
    return { id: keyIdOf(keytype, Buffer.from(pem)), json: keyJson(keytype, Buffer.from(pem)), pem }
}

/** A certificate by an authority, followed by the authority's own. */
function issueTo(spec: KeySpec, gun: string): { readonly signer: Signer; readonly pem: string } {
    issuer ??= buildAuthority({ name: "Release CA" })
    const usage = { keyUsage: DIGITAL_SIGNATURE, extKeyUsages: [USAGE.codeSigning] }
    const built = buildCertificate({ name: gun, issuer, algorithm: spec.algorithm ?? "p256", ...usage })
    const id = keyIdOf(built.publicKey.keytype, built.publicKey.bytes)
    return { signer: { publicKey: built.publicKey, privateKey: built.privateKey, id }, pem: `${built.pem}${issuer.pem}` }
}

export function makeKey(spec: KeySpec, guns: readonly string[], number: number): CeremonyKey {
    const [token, serial] = [`token-${spec.name}`, String(12_345_000 + number)]
    const issued = spec.byAuthority === true ? guns.slice(0, 1).map((gun) => issueTo(spec, gun)) : []
    const signer = issued[0]?.signer ?? makeSigner(spec.algorithm ?? "p256")
    const certified =
        issued.length > 0
            ? issued.map(({ pem }) => certifiedKey(signer, pem))
            : guns.map((gun) => certify(signer, gun, CERTIFIED_FROM, spec.certifiedTo ?? CERTIFIED_TO))
    return { spec, signer, token, serial, spki: spkiOf(signer.publicKey), certified, attestation: attestation(spec, signer, serial) }
}

export type Attested = { readonly serial?: number; readonly slot?: number; readonly pinPolicy?: number; readonly touchPolicy?: number }

export function attestKey(publicKey: Buffer, serial: string, change: Attested = {}): { readonly statement: Buffer; readonly card: Buffer } {
    authority ??= createAttestationAuthority("rsa")
    const card = authority.issue([5, 4, 3])
    const facts = { slot: 0x9c, pinPolicy: 3, touchPolicy: 2, serial: Number(serial), firmware: [5, 4, 3], formFactor: 1, ...change }
    const statement = attest({ publicKey, ...facts }, card.key, card.certificate, randomBytes)
    if (statement === undefined) throw new Error("the card's certificate is none")
    return { statement, card: card.certificate }
}

function attestation(spec: KeySpec, signer: Signer, serial: string): CeremonyKey["attestation"] {
    return spec.attested === true ? attestKey(spkiOf(signer.publicKey), serial) : undefined
}
