// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';
import type { Purpose as _trustkeyd_v1_Purpose, Purpose__Output as _trustkeyd_v1_Purpose__Output } from '../../trustkeyd/v1/Purpose.ts';
import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from '../../trustkeyd/v1/Binding.ts';
import type { PivOptions as _trustkeyd_v1_PivOptions, PivOptions__Output as _trustkeyd_v1_PivOptions__Output } from '../../trustkeyd/v1/PivOptions.ts';

export interface ImportKeyRequest {
  /**
   * unencrypted PKCS#8 DER, sealed for purpose "import", subject "new"
   */
  'pkcs8'?: (_trustkeyd_v1_SealedSecret | null);
  'purpose'?: (_trustkeyd_v1_Purpose);
  'label'?: (string);
  /**
   * sealed for purpose "create", subject "new"
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * the group must be unlocked
   */
  'group'?: (string);
  'bindings'?: (_trustkeyd_v1_Binding)[];
  /**
   * pkcs8 is then sealed for subject "token:<name>"
   */
  'token'?: (string);
  /**
   * on a YubiKey, and there it has to be
   */
  'piv'?: (_trustkeyd_v1_PivOptions | null);
  'acceptPinOnce'?: (boolean);
  /**
   * by which a person knows the token; of a YubiKey it may be left out
   */
  'serial'?: (string);
  'home'?: "passphrase"|"group"|"token";
}

export interface ImportKeyRequest__Output {
  /**
   * unencrypted PKCS#8 DER, sealed for purpose "import", subject "new"
   */
  'pkcs8': (_trustkeyd_v1_SealedSecret__Output | null);
  'purpose': (_trustkeyd_v1_Purpose__Output);
  'label': (string);
  /**
   * sealed for purpose "create", subject "new"
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * the group must be unlocked
   */
  'group'?: (string);
  'bindings': (_trustkeyd_v1_Binding__Output)[];
  /**
   * pkcs8 is then sealed for subject "token:<name>"
   */
  'token'?: (string);
  /**
   * on a YubiKey, and there it has to be
   */
  'piv': (_trustkeyd_v1_PivOptions__Output | null);
  'acceptPinOnce': (boolean);
  /**
   * by which a person knows the token; of a YubiKey it may be left out
   */
  'serial': (string);
  'home'?: "passphrase"|"group"|"token";
}
