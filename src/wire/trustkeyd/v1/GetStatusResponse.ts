// Original file: proto/trustkeyd/v1/status.proto

import type { SignerStatus as _trustkeyd_v1_SignerStatus, SignerStatus__Output as _trustkeyd_v1_SignerStatus__Output } from '../../trustkeyd/v1/SignerStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetStatusResponse {
  'version'?: (string);
  'startedAt'?: (string);
  /**
   * "sign" or "admin": the one this was asked on
   */
  'socket'?: (string);
  /**
   * how the daemon sees the caller
   */
  'caller'?: (string);
  'signers'?: (_trustkeyd_v1_SignerStatus)[];
  'keys'?: (number);
  'unlockedKeys'?: (number);
  'repositories'?: (number);
  /**
   * files not yet seen published
   */
  'outbox'?: (number);
  'auditRecords'?: (number | string | Long);
  'problems'?: (string)[];
}

export interface GetStatusResponse__Output {
  'version': (string);
  'startedAt': (string);
  /**
   * "sign" or "admin": the one this was asked on
   */
  'socket': (string);
  /**
   * how the daemon sees the caller
   */
  'caller': (string);
  'signers': (_trustkeyd_v1_SignerStatus__Output)[];
  'keys': (number);
  'unlockedKeys': (number);
  'repositories': (number);
  /**
   * files not yet seen published
   */
  'outbox': (number);
  'auditRecords': (number);
  'problems': (string)[];
}
