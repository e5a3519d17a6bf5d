// Original file: proto/trustkeyd/v1/signing.proto

import type { MetadataFile as _trustkeyd_v1_MetadataFile, MetadataFile__Output as _trustkeyd_v1_MetadataFile__Output } from '../../trustkeyd/v1/MetadataFile.ts';

export interface SignSetResponse {
  /**
   * byte-exact, ready for the server
   */
  'files'?: (_trustkeyd_v1_MetadataFile)[];
}

export interface SignSetResponse__Output {
  /**
   * byte-exact, ready for the server
   */
  'files': (_trustkeyd_v1_MetadataFile__Output)[];
}
