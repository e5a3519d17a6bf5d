// Original file: proto/trustkeyd/v1/keys.proto

import type { Key as _trustkeyd_v1_Key, Key__Output as _trustkeyd_v1_Key__Output } from '../../trustkeyd/v1/Key.ts';

export interface ListKeysResponse {
  'keys'?: (_trustkeyd_v1_Key)[];
  'nextPageToken'?: (string);
}

export interface ListKeysResponse__Output {
  'keys': (_trustkeyd_v1_Key__Output)[];
  'nextPageToken': (string);
}
