// Original file: proto/trustkeyd/v1/tokens.proto

import type { Token as _trustkeyd_v1_Token, Token__Output as _trustkeyd_v1_Token__Output } from '../../trustkeyd/v1/Token.ts';

export interface ListTokensResponse {
  'tokens'?: (_trustkeyd_v1_Token)[];
}

export interface ListTokensResponse__Output {
  'tokens': (_trustkeyd_v1_Token__Output)[];
}
