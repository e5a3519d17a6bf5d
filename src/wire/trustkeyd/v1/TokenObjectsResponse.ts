// Original file: proto/trustkeyd/v1/tokens.proto

import type { TokenObject as _trustkeyd_v1_TokenObject, TokenObject__Output as _trustkeyd_v1_TokenObject__Output } from '../../trustkeyd/v1/TokenObject.ts';

export interface TokenObjectsResponse {
  'objects'?: (_trustkeyd_v1_TokenObject)[];
}

export interface TokenObjectsResponse__Output {
  'objects': (_trustkeyd_v1_TokenObject__Output)[];
}
