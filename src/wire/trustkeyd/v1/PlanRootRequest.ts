// Original file: proto/trustkeyd/v1/trust.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';
import type { RoleKeys as _trustkeyd_v1_RoleKeys, RoleKeys__Output as _trustkeyd_v1_RoleKeys__Output } from '../../trustkeyd/v1/RoleKeys.ts';

export interface PlanRootRequest {
  'gun'?: (string);
  /**
   * what the server serves now, as in SignSetRequest; none: built on what is known
   */
  'published'?: (_trustkeyd_v1_MetadataFile)[];
  /**
   * RFC 3339, UTC, whole seconds; empty: nothing is planned, and what was begun is told
   */
  'expires'?: (string);
  /**
   * The roles that change, each with all keys it shall have; absent: as before.
   */
  'root'?: (_trustkeyd_v1_RoleKeys | null);
  'targets'?: (_trustkeyd_v1_RoleKeys | null);
  'snapshot'?: (_trustkeyd_v1_RoleKeys | null);
  'timestamp'?: (_trustkeyd_v1_RoleKeys | null);
}

export interface PlanRootRequest__Output {
  'gun': (string);
  /**
   * what the server serves now, as in SignSetRequest; none: built on what is known
   */
  'published': (_trustkeyd_v1_MetadataFile__Output)[];
  /**
   * RFC 3339, UTC, whole seconds; empty: nothing is planned, and what was begun is told
   */
  'expires': (string);
  /**
   * The roles that change, each with all keys it shall have; absent: as before.
   */
  'root': (_trustkeyd_v1_RoleKeys__Output | null);
  'targets': (_trustkeyd_v1_RoleKeys__Output | null);
  'snapshot': (_trustkeyd_v1_RoleKeys__Output | null);
  'timestamp': (_trustkeyd_v1_RoleKeys__Output | null);
}
