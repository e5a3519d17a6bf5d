// Original file: proto/trustkeyd/v1/trust.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';

export interface AdoptRequest {
  'gun'?: (string);
  /**
   * every root from version 1, then the current timestamp, snapshot, targets, delegations
   */
  'files'?: (_trustkeyd_v1_MetadataFile)[];
  /**
   * first 8 hex digits of the lineage, typed by a person; empty: answers fingerprint_required and shows it
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
   * first 8 hex digits of the lineage, typed by a person; empty: answers fingerprint_required and shows it
   */
  'confirm': (string);
}
