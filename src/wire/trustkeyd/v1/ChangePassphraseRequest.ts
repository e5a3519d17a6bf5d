// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface ChangePassphraseRequest {
  'keyId'?: (string);
  'group'?: (string);
  'oldPassphrase'?: (_trustkeyd_v1_SealedSecret | null);
  'newPassphrase'?: (_trustkeyd_v1_SealedSecret | null);
  'subject'?: "keyId"|"group";
}

export interface ChangePassphraseRequest__Output {
  'keyId'?: (string);
  'group'?: (string);
  'oldPassphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  'newPassphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  'subject'?: "keyId"|"group";
}
