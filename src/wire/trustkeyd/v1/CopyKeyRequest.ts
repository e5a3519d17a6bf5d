// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';
import type { PivOptions as _trustkeyd_v1_PivOptions, PivOptions__Output as _trustkeyd_v1_PivOptions__Output } from '../../trustkeyd/v1/PivOptions.ts';

export interface CopyKeyRequest {
  'id'?: (string);
  /**
   * its name in the configuration
   */
  'token'?: (string);
  /**
   * by which a person knows the token
   */
  'serial'?: (string);
  /**
   * the key's or its group's, sealed for purpose "copy", subject "<key id>:<token>"
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * it lies there already
   */
  'present'?: (boolean);
  /**
   * on a YubiKey; of a key that lies there already its slot alone
   */
  'piv'?: (_trustkeyd_v1_PivOptions | null);
  /**
   * a root key although its slot does not ask for the PIN each time
   */
  'acceptPinOnce'?: (boolean);
  'from'?: "passphrase"|"present";
}

export interface CopyKeyRequest__Output {
  'id': (string);
  /**
   * its name in the configuration
   */
  'token': (string);
  /**
   * by which a person knows the token
   */
  'serial': (string);
  /**
   * the key's or its group's, sealed for purpose "copy", subject "<key id>:<token>"
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * it lies there already
   */
  'present'?: (boolean);
  /**
   * on a YubiKey; of a key that lies there already its slot alone
   */
  'piv': (_trustkeyd_v1_PivOptions__Output | null);
  /**
   * a root key although its slot does not ask for the PIN each time
   */
  'acceptPinOnce': (boolean);
  'from'?: "passphrase"|"present";
}
