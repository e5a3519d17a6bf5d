// Original file: proto/trustkeyd/v1/trust.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';

export interface AdoptRequest {
  'gun'?: (string);
  /**
   * every root from version 1, then the current timestamp, snapshot, targets, delegations
   */
  'files'?: (_trustkeyd_v1_MetadataFile)[];
  /**
   * at least the first 16 hex digits of the lineage, typed by a person; else confirmation_required shows it
   */
  'confirm'?: (string);
}

export interface AdoptRequest__Output {
  'gun': (string);
  /**
   * every root from version 1, then the current timestamp, snapshot, targets, delegations
   */
  'files': (_trustkeyd_v1_MetadataFile__Output)[];
  /**
   * at least the first 16 hex digits of the lineage, typed by a person; else confirmation_required shows it
   */
  'confirm': (string);
}
