/** What strangers send, made into what the rooms below take: parsed once, every field checked, or refused as invalid_request. */

export {
    decodeCreateBackup,
    decodeFingerprint,
    decodeProve,
    decodeReceipt,
    decodeRestoreBegin,
    decodeRestoreRecords,
} from "./backups.ts"
export { decodeKeyReference } from "./fields.ts"
export {
    decodeBind,
    decodeCardCertificate,
    decodeChangePassphrase,
    decodeCopyKey,
    decodeCreateGroup,
    decodeCreateKey,
    decodeEnrollKey,
    decodeExportKey,
    decodeExportKeyFile,
    decodeForgetSealed,
    decodeImportKey,
    decodeKeepRootCertificate,
    decodeListKeys,
    decodeLock,
    decodeRemoveKey,
    decodeRootCertificate,
    decodeUnlock,
} from "./keys.ts"
export { decodeListAudit, decodeShowJournal, decodeVoid } from "./records.ts"
export { decodeSign, decodeSignClose, decodeSignSet, decodeTag } from "./signing.ts"
export { decodeChallenge, decodeChangePin, decodeDoctor, decodeLogin, decodeToken, decodeUnblockPin } from "./tokens.ts"
export { decodeAdopt, decodeGun, decodeObserve, decodePlanRoot, decodeReset } from "./trust.ts"
