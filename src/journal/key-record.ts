import type { Algorithm, Attestation, PublicKeyBytes } from "../crypto/index.ts"
import type { Gun, KeyId, RoleName } from "../tuf/index.ts"

/** One place a key may sign for. */
export type Binding = { readonly gun: Gun; readonly role: RoleName }

/** `ceremony`: a key that signs the close of ceremonies, is bound nowhere and signs no metadata. */
export type Purpose = "root" | "targets" | "snapshot" | "delegation" | "ceremony"

/** How often a card asks for its PIN before it uses the key (YubiKey PIV). */
export type PinPolicy = "never" | "once" | "always"
/** Whether a card waits for a touch before it uses the key; `cached`: a touch counts for 15 seconds (YubiKey PIV). */
export type TouchPolicy = "never" | "always" | "cached"

/** A YubiKey's word for a key it made, as it gave it: anybody can verify it again. */
export type KeptAttestation = Attestation & {
    /** The card's own, decimal: some PKCS#11 modules call the token by another. */
    readonly serial: string
}

/** A key on a token. A policy that is absent is not known. */
export type TokenHome = {
    readonly kind: "token"
    readonly token: string
    /** RFC 7512, path attributes only. */
    readonly uri: string
    /** The token's, pinned at enrolment. */
    readonly serial: string
    readonly pinPolicy?: PinPolicy
    readonly touchPolicy?: TouchPolicy
    readonly attestation?: KeptAttestation
    /** TK-KEY-3: it was made elsewhere and brought here, whatever the token says of it. */
    readonly brought?: true
}

/** Where the private key is. */
export type KeyHome = { readonly kind: "sealed" } | { readonly kind: "group"; readonly group: string } | TokenHome

/** The public facts of a key. `id` is the canonical key ID: the hash of the bare public key, never of a certificate. */
export type KeyRecord = {
    readonly id: KeyId
    readonly publicKey: PublicKeyBytes
    readonly algorithm: Algorithm
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly home: KeyHome
    /** Tokens it lies on besides, brought there from `home`. Any of them signs. */
    readonly copies?: readonly TokenHome[]
    readonly origin: "generated" | "imported"
    /** RFC 3339, UTC */
    readonly createdAt: string
    /** Who had it made, as `uid:1000`. It is in his hands until it is bound to a place. */
    readonly madeBy?: string
    /** RFC 3339, UTC: a tombstone since then. */
    readonly removedAt?: string
}
