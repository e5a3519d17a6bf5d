// Original file: proto/trustkeyd/v1/keys.proto

import type { Purpose as _trustkeyd_v1_Purpose, Purpose__Output as _trustkeyd_v1_Purpose__Output } from '../../trustkeyd/v1/Purpose.ts';
import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from '../../trustkeyd/v1/Binding.ts';

export interface EnrollKeyRequest {
  'token'?: (string);
  /**
   * RFC 7512; must match exactly one private key
   */
  'uri'?: (string);
  'purpose'?: (_trustkeyd_v1_Purpose);
  'label'?: (string);
  'bindings'?: (_trustkeyd_v1_Binding)[];
  /**
   * a root key although its slot does not ask for the PIN each time
   */
  'acceptPinOnce'?: (boolean);
}

export interface EnrollKeyRequest__Output {
  'token': (string);
  /**
   * RFC 7512; must match exactly one private key
   */
  'uri': (string);
  'purpose': (_trustkeyd_v1_Purpose__Output);
  'label': (string);
  'bindings': (_trustkeyd_v1_Binding__Output)[];
  /**
   * a root key although its slot does not ask for the PIN each time
   */
  'acceptPinOnce': (boolean);
}
