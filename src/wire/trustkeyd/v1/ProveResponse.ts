// Original file: proto/trustkeyd/v1/backups.proto

import type { KeyProof as _trustkeyd_v1_KeyProof, KeyProof__Output as _trustkeyd_v1_KeyProof__Output } from '../../trustkeyd/v1/KeyProof.ts';

export interface ProveResponse {
  'proofs'?: (_trustkeyd_v1_KeyProof)[];
}

export interface ProveResponse__Output {
  'proofs': (_trustkeyd_v1_KeyProof__Output)[];
}
