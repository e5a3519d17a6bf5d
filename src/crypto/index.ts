// Secrets, sealed forms, keys, signatures and certificates. Pure: bytes in, bytes out; no file, no clock, no network.
// It knows nothing of TUF: no role, no key ID, no JSON.

export { ageRecipients, decryptBackup, encryptBackup } from "./age.ts"
export { type AgeIdentity, identitiesIn, identityFromBytes, identityToBytes, isAgeRecipient, makeAgeIdentity } from "./age-keys.ts"
export type { AgeOpener, AgeRecipients } from "./age-stanzas.ts"
export { AgeWriter, openAge } from "./age-stream.ts"
export { ALGORITHMS, type Algorithm, algorithmOf, type PublicKeyBytes, toKeyObject } from "./algorithm.ts"
export { type Argon2Cost, DEFAULT_COST, isCostAllowed, LARGEST_COST, LEAST_COST } from "./argon2.ts"
export {
    type Attestation,
    type AttestationExpectation,
    type AttestationRoots,
    type AttestationVerdict,
    type AttestedFacts,
    NO_ATTESTATION_ROOTS,
    PIN_POLICIES,
    type PinPolicy,
    parseAttestation,
    parseAttestationRoots,
    TOUCH_POLICIES,
    type TouchPolicy,
    verifyAttestation,
} from "./attestation.ts"
export { decodeBech32, encodeBech32 } from "./bech32.ts"
export { canaryMessage } from "./canary.ts"
export { type CertificateFacts, parseCertificateChain, pemToPublicKey, publicKeyToPem } from "./certificate.ts"
export { certificateFormProblem, certificatesFormProblem } from "./certificate-form.ts"
export { type Authorities, checkCertificateChain, checkCertificatePath, parseAuthorities } from "./certificate-path.ts"
export { assembleCertificateRequest, certificateRequestInfo } from "./certificate-request.ts"
export { sha256, sha512 } from "./digest.ts"
export { type Opener, open, rewrap, seal, type WayToOpen, type Wrap, waysToOpen } from "./envelope.ts"
export { bundleSignatureProblem, issuedByProblem } from "./issued.ts"
export { type KeyFileEntry, privateKeyToPem, readKeyFile } from "./key-file.ts"
export type { KeyFileEncryption } from "./key-file-encryption.ts"
export { pinnedUsageObjection } from "./pinned-usage.ts"
export { canonicalPkcs8, generatePrivateKey, openPrivateKey, publicKeyOf } from "./private-key.ts"
export type { OpenedKey } from "./private-key-forms.ts"
export { type PrivateNumbers, readPrivateExponent, readPrivateNumbers } from "./private-numbers.ts"
export {
    assembleCertificate,
    type CardCertificateOptions,
    cardCertificateTbs,
    type RootCertificateOptions,
    rootCertificateTbs,
} from "./root-certificate.ts"
export { type SealedSecret, type SecretContext, sealedSecretHash, sealSecret } from "./sealed-secret.ts"
export { Secret, secretBytes } from "./secret.ts"
export { SecretInbox } from "./secret-inbox.ts"
export { certificateScheme, derToRaw, rawToDer, type Scheme, signWith, tufScheme, verify } from "./signature.ts"
export { KEY_FILE_FORMATS, type KeyFileFormat, KeyFileWriter, type NotaryHeaders } from "./write-key-file.ts"
