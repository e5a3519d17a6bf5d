// Original file: proto/trustkeyd/v1/trust.proto

import type { PublicKey as _trustkeyd_v1_PublicKey, PublicKey__Output as _trustkeyd_v1_PublicKey__Output } from '../../trustkeyd/v1/PublicKey.ts';

export interface RoleKeys {
  'keys'?: (_trustkeyd_v1_PublicKey)[];
  'threshold'?: (number);
}

export interface RoleKeys__Output {
  'keys': (_trustkeyd_v1_PublicKey__Output)[];
  'threshold': (number);
}
