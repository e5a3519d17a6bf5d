// Original file: proto/trustkeyd/v1/audit.proto

import type { Long } from '@grpc/proto-loader';

export interface AuditRecord {
  'sequence'?: (number | string | Long);
  /**
   * RFC 3339, UTC
   */
  'at'?: (string);
  /**
   * "uid:1000(alice)"
   */
  'who'?: (string);
  'action'?: (string);
  /**
   * "ok" or an error code
   */
  'outcome'?: (string);
  'gun'?: (string);
  'role'?: (string);
  'keyId'?: (string);
  /**
   * JSON
   */
  'detail'?: (string);
  /**
   * hex SHA-256 of the record before
   */
  'previous'?: (string);
  /**
   * hex SHA-256 of this record
   */
  'hash'?: (string);
}

export interface AuditRecord__Output {
  'sequence': (number);
  /**
   * RFC 3339, UTC
   */
  'at': (string);
  /**
   * "uid:1000(alice)"
   */
  'who': (string);
  'action': (string);
  /**
   * "ok" or an error code
   */
  'outcome': (string);
  'gun': (string);
  'role': (string);
  'keyId': (string);
  /**
   * JSON
   */
  'detail': (string);
  /**
   * hex SHA-256 of the record before
   */
  'previous': (string);
  /**
   * hex SHA-256 of this record
   */
  'hash': (string);
}
