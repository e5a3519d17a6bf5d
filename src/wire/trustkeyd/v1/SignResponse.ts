// Original file: proto/trustkeyd/v1/signing.proto

import type { Signature as _trustkeyd_v1_Signature, Signature__Output as _trustkeyd_v1_Signature__Output } from '../../trustkeyd/v1/Signature.ts';
import type { Long } from '@grpc/proto-loader';

export interface SignResponse {
  'signature'?: (_trustkeyd_v1_Signature | null);
  'tag'?: (number | string | Long);
  /**
   * SignStream only: the request was refused; the stream goes on.
   */
  'errorCode'?: (string);
  'errorMessage'?: (string);
}

export interface SignResponse__Output {
  'signature': (_trustkeyd_v1_Signature__Output | null);
  'tag': (number);
  /**
   * SignStream only: the request was refused; the stream goes on.
   */
  'errorCode': (string);
  'errorMessage': (string);
}
