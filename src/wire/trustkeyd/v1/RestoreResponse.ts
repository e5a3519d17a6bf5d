// Original file: proto/trustkeyd/v1/backups.proto

import type { RestoreChange as _trustkeyd_v1_RestoreChange, RestoreChange__Output as _trustkeyd_v1_RestoreChange__Output } from '../../trustkeyd/v1/RestoreChange.ts';
import type { RestoreOutcome as _trustkeyd_v1_RestoreOutcome, RestoreOutcome__Output as _trustkeyd_v1_RestoreOutcome__Output } from '../../trustkeyd/v1/RestoreOutcome.ts';

export interface RestoreResponse {
  /**
   * in the order of the archive
   */
  'changes'?: (_trustkeyd_v1_RestoreChange)[];
  /**
   * in the last message, and in no other
   */
  'outcome'?: (_trustkeyd_v1_RestoreOutcome | null);
}

export interface RestoreResponse__Output {
  /**
   * in the order of the archive
   */
  'changes': (_trustkeyd_v1_RestoreChange__Output)[];
  /**
   * in the last message, and in no other
   */
  'outcome': (_trustkeyd_v1_RestoreOutcome__Output | null);
}
