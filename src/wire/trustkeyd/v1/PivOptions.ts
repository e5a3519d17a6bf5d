// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

/**
 * How a key lies in a YubiKey's PIV slot.
 */
export interface PivOptions {
  /**
   * "9a", "9c", "9d", "9e", "82" to "95"; empty: "9c"
   */
  'slot'?: (string);
  /**
   * "never", "once", "always"; empty: "always"
   */
  'pinPolicy'?: (string);
  /**
   * "never", "cached", "always"; empty: "always"
   */
  'touchPolicy'?: (string);
  /**
   * purpose "management-key", subject "token:<name>": hexadecimal digits
   */
  'managementKey'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * purpose "login": the token has to be logged in to anew before the new key can show that it signs
   */
  'pin'?: (_trustkeyd_v1_SealedSecret | null);
}

/**
 * How a key lies in a YubiKey's PIV slot.
 */
export interface PivOptions__Output {
  /**
   * "9a", "9c", "9d", "9e", "82" to "95"; empty: "9c"
   */
  'slot': (string);
  /**
   * "never", "once", "always"; empty: "always"
   */
  'pinPolicy': (string);
  /**
   * "never", "cached", "always"; empty: "always"
   */
  'touchPolicy': (string);
  /**
   * purpose "management-key", subject "token:<name>": hexadecimal digits
   */
  'managementKey': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * purpose "login": the token has to be logged in to anew before the new key can show that it signs
   */
  'pin': (_trustkeyd_v1_SealedSecret__Output | null);
}
