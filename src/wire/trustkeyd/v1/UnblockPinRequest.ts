// Original file: proto/trustkeyd/v1/tokens.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface UnblockPinRequest {
  'token'?: (string);
  /**
   * purpose "puk": a YubiKey's PUK, another token's security officer's PIN
   */
  'puk'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * purpose "pin-new"
   */
  'newPin'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * go on although one try is left for it
   */
  'evenFinalTry'?: (boolean);
}

export interface UnblockPinRequest__Output {
  'token': (string);
  /**
   * purpose "puk": a YubiKey's PUK, another token's security officer's PIN
   */
  'puk': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * purpose "pin-new"
   */
  'newPin': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * go on although one try is left for it
   */
  'evenFinalTry': (boolean);
}
