import type { Algorithm, PublicKeyBytes } from "../crypto/index.ts"
import type { Gun, KeyId, RoleName } from "../tuf/index.ts"

/** One place a key may sign for. */
export type Binding = { readonly gun: Gun; readonly role: RoleName }

export type Purpose = "root" | "targets" | "snapshot" | "delegation"

/** Where the private key is. `uri` is an RFC 7512 URI with path attributes only; `serial` is the token's, pinned at enrolment. */
export type KeyHome =
    | { readonly kind: "sealed" }
    | { readonly kind: "group"; readonly group: string }
    | { readonly kind: "token"; readonly token: string; readonly uri: string; readonly serial: string }

/** The public facts of a key. `id` is the canonical key ID: the hash of the bare public key, never of a certificate. */
export type KeyRecord = {
    readonly id: KeyId
    readonly publicKey: PublicKeyBytes
    readonly algorithm: Algorithm
    readonly purpose: Purpose
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly home: KeyHome
    readonly origin: "generated" | "imported"
    /** RFC 3339, UTC */
    readonly createdAt: string
    /** Who had it made, as `uid:1000`. It is in his hands until it is bound to a place. */
    readonly madeBy?: string
    /** RFC 3339, UTC: a tombstone since then. */
    readonly removedAt?: string
}
