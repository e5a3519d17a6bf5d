// Original file: proto/trustkeyd/v1/journal.proto

import type { Long } from '@grpc/proto-loader';

export interface VoidRequest {
  'gun'?: (string);
  /**
   * only "root" can be voided
   */
  'role'?: (string);
  'version'?: (number | string | Long);
  /**
   * "void <version>", typed by a person
   */
  'confirm'?: (string);
}

export interface VoidRequest__Output {
  'gun': (string);
  /**
   * only "root" can be voided
   */
  'role': (string);
  'version': (number);
  /**
   * "void <version>", typed by a person
   */
  'confirm': (string);
}
