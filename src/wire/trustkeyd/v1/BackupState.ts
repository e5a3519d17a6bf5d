// Original file: proto/trustkeyd/v1/backups.proto

import type { Backup as _trustkeyd_v1_Backup, Backup__Output as _trustkeyd_v1_Backup__Output } from '../../trustkeyd/v1/Backup.ts';
import type { Drill as _trustkeyd_v1_Drill, Drill__Output as _trustkeyd_v1_Drill__Output } from '../../trustkeyd/v1/Drill.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * How old the proof is.
 */
export interface BackupState {
  /**
   * absent: none was made here
   */
  'last'?: (_trustkeyd_v1_Backup | null);
  /**
   * the last one that was good; absent: none
   */
  'lastDrill'?: (_trustkeyd_v1_Drill | null);
  /**
   * of the configuration
   */
  'recipients'?: (string)[];
  /**
   * 0: nobody said how old the last backup may be
   */
  'maxAgeSeconds'?: (number | string | Long);
  'maxDrillAgeSeconds'?: (number | string | Long);
  'backupOverdue'?: (boolean);
  'drillOverdue'?: (boolean);
}

/**
 * How old the proof is.
 */
export interface BackupState__Output {
  /**
   * absent: none was made here
   */
  'last': (_trustkeyd_v1_Backup__Output | null);
  /**
   * the last one that was good; absent: none
   */
  'lastDrill': (_trustkeyd_v1_Drill__Output | null);
  /**
   * of the configuration
   */
  'recipients': (string)[];
  /**
   * 0: nobody said how old the last backup may be
   */
  'maxAgeSeconds': (number);
  'maxDrillAgeSeconds': (number);
  'backupOverdue': (boolean);
  'drillOverdue': (boolean);
}
