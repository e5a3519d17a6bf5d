// Original file: proto/trustkeyd/v1/signing.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';
import type { Body as _trustkeyd_v1_Body, Body__Output as _trustkeyd_v1_Body__Output } from '../../trustkeyd/v1/Body.ts';
import type { SnapshotBody as _trustkeyd_v1_SnapshotBody, SnapshotBody__Output as _trustkeyd_v1_SnapshotBody__Output } from '../../trustkeyd/v1/SnapshotBody.ts';

export interface SignSetRequest {
  'gun'?: (string);
  /**
   * what the server serves now: the root chain after ours, timestamp, snapshot, targets, delegations
   */
  'published'?: (_trustkeyd_v1_MetadataFile)[];
  /**
   * root, targets, targets/…
   */
  'bodies'?: (_trustkeyd_v1_Body)[];
  /**
   * absent when the server keeps the snapshot key
   */
  'snapshot'?: (_trustkeyd_v1_SnapshotBody | null);
}

export interface SignSetRequest__Output {
  'gun': (string);
  /**
   * what the server serves now: the root chain after ours, timestamp, snapshot, targets, delegations
   */
  'published': (_trustkeyd_v1_MetadataFile__Output)[];
  /**
   * root, targets, targets/…
   */
  'bodies': (_trustkeyd_v1_Body__Output)[];
  /**
   * absent when the server keeps the snapshot key
   */
  'snapshot': (_trustkeyd_v1_SnapshotBody__Output | null);
}
