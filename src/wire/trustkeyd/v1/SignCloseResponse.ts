// Original file: proto/trustkeyd/v1/ceremonies.proto

import type { Signature as _trustkeyd_v1_Signature, Signature__Output as _trustkeyd_v1_Signature__Output } from '../../trustkeyd/v1/Signature.ts';

export interface SignCloseResponse {
  'signature'?: (_trustkeyd_v1_Signature | null);
}

export interface SignCloseResponse__Output {
  'signature': (_trustkeyd_v1_Signature__Output | null);
}
