// Original file: proto/trustkeyd/v1/trust.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';

export interface OutboxResponse {
  'files'?: (_trustkeyd_v1_MetadataFile)[];
}

export interface OutboxResponse__Output {
  'files': (_trustkeyd_v1_MetadataFile__Output)[];
}
