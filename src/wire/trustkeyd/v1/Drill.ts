// Original file: proto/trustkeyd/v1/backups.proto

import type { Long } from '@grpc/proto-loader';

export interface Drill {
  /**
   * of the backup
   */
  'fingerprint'?: (string);
  /**
   * RFC 3339, UTC
   */
  'at'?: (string);
  /**
   * that signed
   */
  'keys'?: (number | string | Long);
  /**
   * that could not be in a backup
   */
  'without'?: (number | string | Long);
  /**
   * hex SHA-256 of the receipt
   */
  'receipt'?: (string);
}

export interface Drill__Output {
  /**
   * of the backup
   */
  'fingerprint': (string);
  /**
   * RFC 3339, UTC
   */
  'at': (string);
  /**
   * that signed
   */
  'keys': (number);
  /**
   * that could not be in a backup
   */
  'without': (number);
  /**
   * hex SHA-256 of the receipt
   */
  'receipt': (string);
}
