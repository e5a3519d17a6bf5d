// Original file: proto/trustkeyd/v1/backups.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface KeyFileSource {
  'keyId'?: (string);
  /**
   * all its keys
   */
  'group'?: (string);
  /**
   * the key's or the group's: purpose "backup", subject "<key id>:<to>" or "group:<name>:<to>"
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  'subject'?: "keyId"|"group";
}

export interface KeyFileSource__Output {
  'keyId'?: (string);
  /**
   * all its keys
   */
  'group'?: (string);
  /**
   * the key's or the group's: purpose "backup", subject "<key id>:<to>" or "group:<name>:<to>"
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  'subject'?: "keyId"|"group";
}
