// Original file: proto/trustkeyd/v1/backups.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';
import type { KeyFiles as _trustkeyd_v1_KeyFiles, KeyFiles__Output as _trustkeyd_v1_KeyFiles__Output } from '../../trustkeyd/v1/KeyFiles.ts';

export interface CreateBackupRequest {
  /**
   * age's X25519 recipients; none, and no passphrase: the configuration's. Others: admin socket
   */
  'recipients'?: (string)[];
  /**
   * instead of recipients: purpose "backup-passphrase", subject "backup". Admin socket
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * absent: none. Admin socket
   */
  'keyFiles'?: (_trustkeyd_v1_KeyFiles | null);
}

export interface CreateBackupRequest__Output {
  /**
   * age's X25519 recipients; none, and no passphrase: the configuration's. Others: admin socket
   */
  'recipients': (string)[];
  /**
   * instead of recipients: purpose "backup-passphrase", subject "backup". Admin socket
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * absent: none. Admin socket
   */
  'keyFiles': (_trustkeyd_v1_KeyFiles__Output | null);
}
