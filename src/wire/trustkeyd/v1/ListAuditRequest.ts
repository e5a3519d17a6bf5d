// Original file: proto/trustkeyd/v1/audit.proto

import type { Long } from '@grpc/proto-loader';

export interface ListAuditRequest {
  'after'?: (number | string | Long);
  /**
   * at most and by default 1000
   */
  'limit'?: (number);
  /**
   * the last `limit` records instead
   */
  'newest'?: (boolean);
}

export interface ListAuditRequest__Output {
  'after': (number);
  /**
   * at most and by default 1000
   */
  'limit': (number);
  /**
   * the last `limit` records instead
   */
  'newest': (boolean);
}
