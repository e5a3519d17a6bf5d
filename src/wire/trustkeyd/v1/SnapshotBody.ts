// Original file: proto/trustkeyd/v1/signing.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotBody {
  'version'?: (number | string | Long);
  /**
   * RFC 3339, UTC, whole seconds
   */
  'expires'?: (string);
  'keyIds'?: (string)[];
}

export interface SnapshotBody__Output {
  'version': (number);
  /**
   * RFC 3339, UTC, whole seconds
   */
  'expires': (string);
  'keyIds': (string)[];
}
