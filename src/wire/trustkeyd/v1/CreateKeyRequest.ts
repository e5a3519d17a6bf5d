// Original file: proto/trustkeyd/v1/keys.proto

import type { Algorithm as _trustkeyd_v1_Algorithm, Algorithm__Output as _trustkeyd_v1_Algorithm__Output } from '../../trustkeyd/v1/Algorithm.ts';
import type { Purpose as _trustkeyd_v1_Purpose, Purpose__Output as _trustkeyd_v1_Purpose__Output } from '../../trustkeyd/v1/Purpose.ts';
import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';
import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from '../../trustkeyd/v1/Binding.ts';

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
  'home'?: "passphrase"|"group"|"token";
}
