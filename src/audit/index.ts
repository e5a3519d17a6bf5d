// Evidence: a chain of records in which nothing can be changed, taken out or put in between without showing. It decides nothing and
// holds no secret; who may read it is policy's question.

export { type AuditLog, type AuditVerdict, openAuditLog } from "./audit-log.ts"
export { type BackupEvidence, type BackupFacts, type DrillFacts, openBackupEvidence } from "./backup-evidence.ts"
export { type AuditDetail, type AuditEvent, type AuditHead, type AuditRecord, encodeDetail, GENESIS } from "./record.ts"
