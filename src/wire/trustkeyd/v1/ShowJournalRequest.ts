// Original file: proto/trustkeyd/v1/journal.proto

import type { Long } from '@grpc/proto-loader';

export interface ShowJournalRequest {
  'gun'?: (string);
  'role'?: (string);
  /**
   * sequence
   */
  'after'?: (number | string | Long);
  /**
   * at most and by default 1000
   */
  'limit'?: (number);
}

export interface ShowJournalRequest__Output {
  'gun': (string);
  'role': (string);
  /**
   * sequence
   */
  'after': (number);
  /**
   * at most and by default 1000
   */
  'limit': (number);
}
