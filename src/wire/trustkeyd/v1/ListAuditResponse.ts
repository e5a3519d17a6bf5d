// Original file: proto/trustkeyd/v1/audit.proto

import type { AuditRecord as _trustkeyd_v1_AuditRecord, AuditRecord__Output as _trustkeyd_v1_AuditRecord__Output } from '../../trustkeyd/v1/AuditRecord.ts';

export interface ListAuditResponse {
  'records'?: (_trustkeyd_v1_AuditRecord)[];
}

export interface ListAuditResponse__Output {
  'records': (_trustkeyd_v1_AuditRecord__Output)[];
}
