// Original file: proto/trustkeyd/v1/tokens.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface LoginRequest {
  'token'?: (string);
  /**
   * purpose "login", subject "token:<name>"; absent: the configured credential
   */
  'pin'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * go on although one try is left; admin socket
   */
  'evenFinalTry'?: (boolean);
  /**
   * 0: unlock.default_ttl; for the credential no end
   */
  'ttlSeconds'?: (number);
  /**
   * signatures; 0: no limit
   */
  'uses'?: (number);
}

export interface LoginRequest__Output {
  'token': (string);
  /**
   * purpose "login", subject "token:<name>"; absent: the configured credential
   */
  'pin': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * go on although one try is left; admin socket
   */
  'evenFinalTry': (boolean);
  /**
   * 0: unlock.default_ttl; for the credential no end
   */
  'ttlSeconds': (number);
  /**
   * signatures; 0: no limit
   */
  'uses': (number);
}
