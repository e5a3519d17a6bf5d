// Original file: proto/trustkeyd/v1/trust.proto

import type { Long } from '@grpc/proto-loader';

export interface Mark {
  'role'?: (string);
  'version'?: (number | string | Long);
  /**
   * of the canonical `signed` bytes, hex
   */
  'sha256'?: (string);
  /**
   * RFC 3339, UTC
   */
  'expires'?: (string);
}

export interface Mark__Output {
  'role': (string);
  'version': (number);
  /**
   * of the canonical `signed` bytes, hex
   */
  'sha256': (string);
  /**
   * RFC 3339, UTC
   */
  'expires': (string);
}
