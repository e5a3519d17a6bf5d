// Original file: proto/trustkeyd/v1/trust.proto

import type { Mark as _trustkeyd_v1_Mark, Mark__Output as _trustkeyd_v1_Mark__Output } from '../../trustkeyd/v1/Mark.ts';
import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';
import type { Long } from '@grpc/proto-loader';

export interface Repository {
  'gun'?: (string);
  /**
   * SHA-256 of the canonical `signed` bytes of root version 1, hex; empty: none yet
   */
  'lineage'?: (string);
  'rootVersion'?: (number | string | Long);
  /**
   * "born" here or "adopted"
   */
  'origin'?: (string);
  'marks'?: (_trustkeyd_v1_Mark)[];
  /**
   * files not yet seen published
   */
  'outbox'?: (number);
  'oldLineages'?: (string)[];
  /**
   * "none", "active", "reset"
   */
  'state'?: (string);
  /**
   * the newest file of each role the daemon has; Show only
   */
  'documents'?: (_trustkeyd_v1_MetadataFile)[];
  /**
   * RFC 3339, UTC: when the first certificate of the newest root's root role ends; empty: not known
   */
  'certificateExpires'?: (string);
}

export interface Repository__Output {
  'gun': (string);
  /**
   * SHA-256 of the canonical `signed` bytes of root version 1, hex; empty: none yet
   */
  'lineage': (string);
  'rootVersion': (number);
  /**
   * "born" here or "adopted"
   */
  'origin': (string);
  'marks': (_trustkeyd_v1_Mark__Output)[];
  /**
   * files not yet seen published
   */
  'outbox': (number);
  'oldLineages': (string)[];
  /**
   * "none", "active", "reset"
   */
  'state': (string);
  /**
   * the newest file of each role the daemon has; Show only
   */
  'documents': (_trustkeyd_v1_MetadataFile__Output)[];
  /**
   * RFC 3339, UTC: when the first certificate of the newest root's root role ends; empty: not known
   */
  'certificateExpires': (string);
}
