// Original file: proto/trustkeyd/v1/status.proto

import type { SignerStatus as _trustkeyd_v1_SignerStatus, SignerStatus__Output as _trustkeyd_v1_SignerStatus__Output } from '../../trustkeyd/v1/SignerStatus.ts';
import type { BackupState as _trustkeyd_v1_BackupState, BackupState__Output as _trustkeyd_v1_BackupState__Output } from '../../trustkeyd/v1/BackupState.ts';
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
  /**
   * absent: the caller may see neither the status of the whole daemon nor its backups
   */
  'backup'?: (_trustkeyd_v1_BackupState | null);
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
  /**
   * absent: the caller may see neither the status of the whole daemon nor its backups
   */
  'backup': (_trustkeyd_v1_BackupState__Output | null);
}
