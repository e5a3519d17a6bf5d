// Original file: proto/trustkeyd/v1/backups.proto

import type { KeyFileSource as _trustkeyd_v1_KeyFileSource, KeyFileSource__Output as _trustkeyd_v1_KeyFileSource__Output } from '../../trustkeyd/v1/KeyFileSource.ts';
import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

/**
 * Private keys as files that stock tools read: made in the signer process, encrypted, and within the backup.
 * 
 * Whom the backup is for is a part of what the passphrases are sealed for, its `to`: the SHA-256, in hex, of the recipients joined by LF as they
 * stand in the request, or, if there are none, of the ephemeral_public, nonce and ciphertext of the request's passphrase, one after the other.
 */
export interface KeyFiles {
  'sources'?: (_trustkeyd_v1_KeyFileSource)[];
  /**
   * for the files: purpose "backup-files", subject "backup:<to>"; absent: one is made, and lies in the backup
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
}

/**
 * Private keys as files that stock tools read: made in the signer process, encrypted, and within the backup.
 * 
 * Whom the backup is for is a part of what the passphrases are sealed for, its `to`: the SHA-256, in hex, of the recipients joined by LF as they
 * stand in the request, or, if there are none, of the ephemeral_public, nonce and ciphertext of the request's passphrase, one after the other.
 */
export interface KeyFiles__Output {
  'sources': (_trustkeyd_v1_KeyFileSource__Output)[];
  /**
   * for the files: purpose "backup-files", subject "backup:<to>"; absent: one is made, and lies in the backup
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
}
