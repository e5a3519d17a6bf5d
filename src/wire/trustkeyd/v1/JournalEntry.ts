// Original file: proto/trustkeyd/v1/journal.proto

import type { Long } from '@grpc/proto-loader';

export interface JournalEntry {
  'sequence'?: (number | string | Long);
  /**
   * "notary-metadata" or "root-certificate"
   */
  'kind'?: (string);
  'gun'?: (string);
  'lineage'?: (string);
  'role'?: (string);
  'version'?: (number | string | Long);
  'sha256'?: (string);
  'keyId'?: (string);
  /**
   * "promised", "signed", "void"
   */
  'state'?: (string);
  'promisedAt'?: (string);
}

export interface JournalEntry__Output {
  'sequence': (number);
  /**
   * "notary-metadata" or "root-certificate"
   */
  'kind': (string);
  'gun': (string);
  'lineage': (string);
  'role': (string);
  'version': (number);
  'sha256': (string);
  'keyId': (string);
  /**
   * "promised", "signed", "void"
   */
  'state': (string);
  'promisedAt': (string);
}
