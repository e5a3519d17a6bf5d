import type { Algorithm, PinPolicy, TouchPolicy } from "../crypto/index.ts"
import type { Gun, KeyId, TufKey } from "../tuf/index.ts"

export const PLAN_FORMAT = "trustkey-ceremony-plan/1"

export const CEREMONY_KINDS = ["create-root", "rotate-root", "replace-holder", "root-lost"] as const
export type CeremonyKind = (typeof CEREMONY_KINDS)[number]

export const PARTS = ["lead", "witness", "holder"] as const
export type Person = { readonly name: string; readonly part: (typeof PARTS)[number]; readonly fullName?: string }

export const ROOT_ALGORITHMS = ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"] as const satisfies readonly Algorithm[]
export type RootAlgorithm = (typeof ROOT_ALGORITHMS)[number]

/** To be made in the ceremony. `token`: by the name the vault's daemon has for it; of a vault-made key, the one it is copied to first. */
export type NewKey = {
    readonly change: "new"
    readonly name: string
    readonly holder: string
    readonly token: string
    readonly serial?: string
    readonly algorithm: RootAlgorithm
    readonly make: "token" | "vault"
    readonly slot?: string
    readonly pinPolicy?: PinPolicy
    readonly touchPolicy?: TouchPolicy
    /** Further tokens that get a vault-made key. */
    readonly copies: readonly string[]
}

/** One that exists: `added` joins the root, `kept` stays in it, `retired` signs the change and goes. */
export type ExistingKey = {
    readonly change: "added" | "kept" | "retired"
    readonly name: string
    readonly holder: string
    /** Canonical */
    readonly id: KeyId
    readonly token?: string
    readonly serial?: string
}

/** One that isn't there to sign. `holder` may be nobody of the ceremony. */
export type LostKey = {
    readonly change: "lost"
    readonly name: string
    readonly holder: string
    readonly id: KeyId
    readonly serial?: string
}

export type PlannedKey = NewKey | ExistingKey | LostKey

export type Spare = { readonly token: string; readonly serial?: string }

/** What was published when the plan was written. Hashes: hex, of canonical `signed` values. */
export type PublishedRoot = { readonly lineage: string; readonly version: number; readonly sha256: string }

export type PlannedRole = "targets" | "snapshot" | "timestamp"

export type PlannedRepository = {
    readonly gun: Gun
    /** Absent only in a create-root. */
    readonly published?: PublishedRoot
    /** Bare keys. Present in a create-root and a root-lost, where a root is begun anew. */
    readonly roles?: ReadonlyMap<PlannedRole, TufKey>
}

/** docs/formats/ceremony-plan.md; what must hold there, holds of it. */
export type PlanContent = {
    readonly id: string
    readonly kind: CeremonyKind
    readonly reason: string
    readonly created: Date
    readonly notBefore: Date
    readonly notAfter: Date
    /** Of the new roots */
    readonly expires: Date
    /** Of role root in them */
    readonly threshold: number
    /** Hash of the plan this one rehearses */
    readonly rehearsalOf?: string
    readonly people: readonly Person[]
    /** Bare keys that sign the close */
    readonly closing: { readonly vault: TufKey; readonly witness: TufKey }
    readonly keys: readonly PlannedKey[]
    readonly spares: readonly Spare[]
    readonly repositories: readonly PlannedRepository[]
    /** Empty: nothing is exported */
    readonly backupRecipients: readonly string[]
}

/** A plan as it was read: `sha256` (hex) is of `bytes`, the file's. */
export type Plan = PlanContent & { readonly bytes: Buffer; readonly sha256: string }
