// Original file: proto/trustkeyd/v1/signing.proto

import type { Long } from '@grpc/proto-loader';

export interface SignRequest {
  'keyId'?: (string);
  'gun'?: (string);
  'role'?: (string);
  /**
   * the canonical `signed` value
   */
  'signed'?: (Buffer | Uint8Array | string);
  /**
   * SignStream: repeated in the answer
   */
  'tag'?: (number | string | Long);
}

export interface SignRequest__Output {
  'keyId': (string);
  'gun': (string);
  'role': (string);
  /**
   * the canonical `signed` value
   */
  'signed': (Buffer);
  /**
   * SignStream: repeated in the answer
   */
  'tag': (number);
}
