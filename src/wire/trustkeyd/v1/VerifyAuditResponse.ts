// Original file: proto/trustkeyd/v1/audit.proto

import type { Long } from '@grpc/proto-loader';

export interface VerifyAuditResponse {
  'intact'?: (boolean);
  'records'?: (number | string | Long);
  /**
   * sequence of the first record that does not fit
   */
  'brokenAt'?: (number | string | Long);
  /**
   * hex
   */
  'head'?: (string);
}

export interface VerifyAuditResponse__Output {
  'intact': (boolean);
  'records': (number);
  /**
   * sequence of the first record that does not fit
   */
  'brokenAt': (number);
  /**
   * hex
   */
  'head': (string);
}
