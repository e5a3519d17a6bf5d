// Original file: proto/trustkeyd/v1/trust.proto

import type { Repository as _trustkeyd_v1_Repository, Repository__Output as _trustkeyd_v1_Repository__Output } from '../../trustkeyd/v1/Repository.ts';

export interface ListTrustResponse {
  'repositories'?: (_trustkeyd_v1_Repository)[];
}

export interface ListTrustResponse__Output {
  'repositories': (_trustkeyd_v1_Repository__Output)[];
}
