// Original file: proto/trustkeyd/v1/trust.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';

export interface ObserveRequest {
  'gun'?: (string);
  'files'?: (_trustkeyd_v1_MetadataFile)[];
}

export interface ObserveRequest__Output {
  'gun': (string);
  'files': (_trustkeyd_v1_MetadataFile__Output)[];
}
