// Names, keys and metadata of Notary v1, and what must be true of them. Values in, values out: this room knows no clock, no file and no
// network, makes no signature, and never passes on anything it did not understand.

export { canonicalize } from "./canonical.ts"
export { delegationOf, effectivePaths, pathMatches } from "./delegation.ts"
export { diffMetadata } from "./diff.ts"
export { differenceCode } from "./difference-code.ts"
export { formatExpires, parseExpires } from "./expires.ts"
export { isExpired } from "./expiry.ts"
export { assembleFile, MAX_FILE_BYTES, type MetadataFile, parseFile } from "./file.ts"
export { fileMatches, fileMetaOf, snapshotMeta } from "./file-meta.ts"
export { type Glob, globMatches, parseGlob } from "./glob.ts"
export { type Gun, parseGun } from "./gun.ts"
export { type Json, type JsonLimits, type JsonObject, MAX_SIGNED_BYTES, parseJson } from "./json.ts"
export {
    bareKey,
    canonicalKeyIdOf,
    certificateKey,
    type KeyId,
    type KeyType,
    keyIdOf,
    parseKeyId,
    parseTufKey,
    type TufKey,
    tufKey,
} from "./key.ts"
export { canonicalKeyIds, listedKeys, readableKeyId } from "./key-ids.ts"
export { type KeyNeed, keyNeeds, type NeedKind, type NeedsOptions, type RepositoryInUse } from "./key-needs.ts"
export type {
    Delegation,
    Delegations,
    FileMeta,
    KeyRole,
    MetadataDocument,
    RootDocument,
    SnapshotDocument,
    TargetsDocument,
    TimestampDocument,
} from "./metadata.ts"
export { changedRoles, type NextKeys, nextRoot, type RootChange } from "./next-root.ts"
export { type KeyToName, notaryHeaders } from "./notary-headers.ts"
export {
    type RepositoryFiles,
    type TrustedTarget,
    trustedTargets,
    type VerifiedRepository,
    type VerifyOptions,
    verifyRepository,
} from "./repository.ts"
export {
    BASE_ROLES,
    type BaseRole,
    isDelegation,
    parentOf,
    parseRoleName,
    ROOT,
    type RoleName,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
} from "./role.ts"
export { encodeRoot } from "./root.ts"
export {
    certificatesEnd,
    checkRootCertificate,
    checkRootCertificates,
    checkRootSuccession,
    countedRootKeys,
    lineageOf,
    rootOf,
    verifyRootChain,
    verifyRootSignedBy,
} from "./root-trust.ts"
export { type Signature, verifySignature, verifyThreshold } from "./signature.ts"
export { parseSigned, type SignedMetadata } from "./signed.ts"
export { encodeSnapshot, encodeTimestamp } from "./snapshot.ts"
export { encodeTargets } from "./targets.ts"
