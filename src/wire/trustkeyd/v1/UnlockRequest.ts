// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface UnlockRequest {
  'keyId'?: (string);
  'group'?: (string);
  /**
   * absent: a group opened by its credential
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * 0: the configured default
   */
  'ttlSeconds'?: (number);
  /**
   * 0: no limit
   */
  'uses'?: (number);
  'subject'?: "keyId"|"group";
}

export interface UnlockRequest__Output {
  'keyId'?: (string);
  'group'?: (string);
  /**
   * absent: a group opened by its credential
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * 0: the configured default
   */
  'ttlSeconds': (number);
  /**
   * 0: no limit
   */
  'uses': (number);
  'subject'?: "keyId"|"group";
}
