import type { Json } from "./json.ts"
import type { KeyId, TufKey } from "./key.ts"
import type { BaseRole, RoleName } from "./role.ts"

/** What is known of a file: `hashes` by "sha256" and "sha512", of the whole file; `length` in bytes. */
export type FileMeta = { readonly hashes: ReadonlyMap<string, Uint8Array>; readonly length: number; readonly custom?: Json }

/** Who may sign: `threshold` many distinct keys of these. */
export type KeyRole = { readonly keyIds: readonly KeyId[]; readonly threshold: number }

/** `paths` are plain string prefixes of target names; "" is everything, none is nothing. */
export type Delegation = KeyRole & { readonly name: RoleName; readonly paths: readonly string[] }

export type RootDocument = {
    readonly type: "root"
    readonly version: number
    readonly expires: Date
    /** Also keys no role has any more: Notary keeps old certificates for ever. */
    readonly keys: ReadonlyMap<KeyId, TufKey>
    /** All four. */
    readonly roles: ReadonlyMap<BaseRole, KeyRole>
    readonly consistentSnapshot: boolean
}

export type Delegations = { readonly keys: ReadonlyMap<KeyId, TufKey>; readonly roles: readonly Delegation[] }

export type TargetsDocument = {
    readonly type: "targets"
    readonly version: number
    readonly expires: Date
    readonly targets: ReadonlyMap<string, FileMeta>
    readonly delegations: Delegations
}

export type SnapshotDocument = {
    readonly type: "snapshot"
    readonly version: number
    readonly expires: Date
    /** "root", "targets", and one entry per delegation file. */
    readonly meta: ReadonlyMap<string, FileMeta>
}

export type TimestampDocument = {
    readonly type: "timestamp"
    readonly version: number
    readonly expires: Date
    /** "snapshot". */
    readonly meta: ReadonlyMap<string, FileMeta>
}

export type MetadataDocument = RootDocument | TargetsDocument | SnapshotDocument | TimestampDocument
