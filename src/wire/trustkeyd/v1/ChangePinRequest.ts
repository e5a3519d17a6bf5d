// Original file: proto/trustkeyd/v1/tokens.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface ChangePinRequest {
  'token'?: (string);
  /**
   * purpose "pin-old", subject "token:<name>"
   */
  'oldPin'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * purpose "pin-new"
   */
  'newPin'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * go on although one try is left; admin socket
   */
  'evenFinalTry'?: (boolean);
}

export interface ChangePinRequest__Output {
  'token': (string);
  /**
   * purpose "pin-old", subject "token:<name>"
   */
  'oldPin': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * purpose "pin-new"
   */
  'newPin': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * go on although one try is left; admin socket
   */
  'evenFinalTry': (boolean);
}
