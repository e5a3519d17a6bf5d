// Backups: what an archive is made of, written and read as a stream, and judged by itself. Pure: it knows no clock, no file and no private key in
// clear; what encrypts and opens an archive is elsewhere. docs/formats/backup.md

export { type BackedUpKey, backedUpKey, waysInto } from "./backed-up-key.ts"
export { encodeRecord } from "./encode.ts"
export { insteadOf, type KeyOnTokens } from "./instead.ts"
export { readKeyFacts } from "./key-facts.ts"
export { MemberReader, readBackup } from "./reader.ts"
export { checkReceipt, type DrillPlan, isProof, planDrill, receiptLines } from "./receipt.ts"
export type { DrilledKey, DrillFacts, DrillStatement, ProvenKey, UnprovenKey } from "./receipt-lines.ts"
export {
    BACKUP_FORMAT,
    type BackupCounts,
    type BackupRecord,
    type CertificateRecord,
    type CloseRecord,
    type DocumentRecord,
    type EndRecord,
    type GroupRecord,
    type HeadRecord,
    type Instead,
    type KeyFacts,
    type KeyFilePassphraseRecord,
    type KeyFileRecord,
    type KeyRecord,
    type LineageRecord,
    MAX_MEMBER_BYTES,
    type PolicyRecord,
    type PromiseRecord,
    type RoleVersion,
    type RootRecord,
    SCHEMES,
    type TokenPlace,
    type WaitingRecord,
} from "./records.ts"
export { backupFileName, drillFileName, type KeepRules, type KeptBackup, outdatedBackups, parseBackupFileName } from "./rotation.ts"
export { encodeShareSet, LEAST_THRESHOLD, MOST_SHARES, parseShareSet, type ShareSet } from "./share-set.ts"
export { checkShare, combineShares, createShares, missingShares, parseShare, type Share, shareText } from "./shares.ts"
export { TAR_BLOCK, TAR_END, type TarMode, tarClaims, tarHeader, tarPadding } from "./ustar.ts"
export { type BackupReport, BackupVerifier, type BackupWarning } from "./verify.ts"
export { ArchiveWriter, BackupWriter, type Member, MemberWriter } from "./writer.ts"
