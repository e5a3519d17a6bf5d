// Original file: proto/trustkeyd/v1/backups.proto

import type { RestoreBegin as _trustkeyd_v1_RestoreBegin, RestoreBegin__Output as _trustkeyd_v1_RestoreBegin__Output } from '../../trustkeyd/v1/RestoreBegin.ts';
import type { RestoreRecord as _trustkeyd_v1_RestoreRecord, RestoreRecord__Output as _trustkeyd_v1_RestoreRecord__Output } from '../../trustkeyd/v1/RestoreRecord.ts';

export interface RestoreRequest {
  /**
   * in the first message, and in no other
   */
  'begin'?: (_trustkeyd_v1_RestoreBegin | null);
  /**
   * the members of the archive in its order, but those in notary/
   */
  'records'?: (_trustkeyd_v1_RestoreRecord)[];
}

export interface RestoreRequest__Output {
  /**
   * in the first message, and in no other
   */
  'begin': (_trustkeyd_v1_RestoreBegin__Output | null);
  /**
   * the members of the archive in its order, but those in notary/
   */
  'records': (_trustkeyd_v1_RestoreRecord__Output)[];
}
