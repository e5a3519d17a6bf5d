// Original file: proto/trustkeyd/v1/keys.proto

import type { Algorithm as _trustkeyd_v1_Algorithm, Algorithm__Output as _trustkeyd_v1_Algorithm__Output } from '../../trustkeyd/v1/Algorithm.ts';
import type { Purpose as _trustkeyd_v1_Purpose, Purpose__Output as _trustkeyd_v1_Purpose__Output } from '../../trustkeyd/v1/Purpose.ts';
import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';
import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from '../../trustkeyd/v1/Binding.ts';
import type { PivOptions as _trustkeyd_v1_PivOptions, PivOptions__Output as _trustkeyd_v1_PivOptions__Output } from '../../trustkeyd/v1/PivOptions.ts';

export interface CreateKeyRequest {
  'algorithm'?: (_trustkeyd_v1_Algorithm);
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
  /**
   * the token's name in the configuration
   */
  'token'?: (string);
  'bindings'?: (_trustkeyd_v1_Binding)[];
  /**
   * on a YubiKey, and there it has to be
   */
  'piv'?: (_trustkeyd_v1_PivOptions | null);
  /**
   * a root key although its slot does not ask for the PIN each time
   */
  'acceptPinOnce'?: (boolean);
  'home'?: "passphrase"|"group"|"token";
}

export interface CreateKeyRequest__Output {
  'algorithm': (_trustkeyd_v1_Algorithm__Output);
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
  /**
   * the token's name in the configuration
   */
  'token'?: (string);
  'bindings': (_trustkeyd_v1_Binding__Output)[];
  /**
   * on a YubiKey, and there it has to be
   */
  'piv': (_trustkeyd_v1_PivOptions__Output | null);
  /**
   * a root key although its slot does not ask for the PIN each time
   */
  'acceptPinOnce': (boolean);
  'home'?: "passphrase"|"group"|"token";
}
