// Original file: proto/trustkeyd/v1/keys.proto

import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from '../../trustkeyd/v1/Binding.ts';

export interface BindKeyRequest {
  'id'?: (string);
  'add'?: (_trustkeyd_v1_Binding)[];
  'remove'?: (_trustkeyd_v1_Binding)[];
}

export interface BindKeyRequest__Output {
  'id': (string);
  'add': (_trustkeyd_v1_Binding__Output)[];
  'remove': (_trustkeyd_v1_Binding__Output)[];
}
