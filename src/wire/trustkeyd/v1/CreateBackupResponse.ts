// Original file: proto/trustkeyd/v1/backups.proto

import type { Backup as _trustkeyd_v1_Backup, Backup__Output as _trustkeyd_v1_Backup__Output } from '../../trustkeyd/v1/Backup.ts';
import type { Long } from '@grpc/proto-loader';

export interface CreateBackupResponse {
  /**
   * what follows of the file; may be empty
   */
  'data'?: (Buffer | Uint8Array | string);
  /**
   * in it by now: groups, keys, lineages of repositories, key files
   */
  'records'?: (number | string | Long);
  /**
   * of these it will have
   */
  'total'?: (number | string | Long);
  /**
   * the file is whole
   */
  'made'?: (_trustkeyd_v1_Backup | null);
}

export interface CreateBackupResponse__Output {
  /**
   * what follows of the file; may be empty
   */
  'data': (Buffer);
  /**
   * in it by now: groups, keys, lineages of repositories, key files
   */
  'records': (number);
  /**
   * of these it will have
   */
  'total': (number);
  /**
   * the file is whole
   */
  'made': (_trustkeyd_v1_Backup__Output | null);
}
