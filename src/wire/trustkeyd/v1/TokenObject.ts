// Original file: proto/trustkeyd/v1/tokens.proto

import type { Algorithm as _trustkeyd_v1_Algorithm, Algorithm__Output as _trustkeyd_v1_Algorithm__Output } from '../../trustkeyd/v1/Algorithm.ts';

export interface TokenObject {
  'uri'?: (string);
  'label'?: (string);
  'id'?: (Buffer | Uint8Array | string);
  'algorithm'?: (_trustkeyd_v1_Algorithm);
  /**
   * canonical key ID; empty when the public key can't be read
   */
  'keyId'?: (string);
  /**
   * the token claims the key was made on it
   */
  'local'?: (boolean);
  'sensitive'?: (boolean);
  'extractable'?: (boolean);
  'alwaysAuthenticate'?: (boolean);
}

export interface TokenObject__Output {
  'uri': (string);
  'label': (string);
  'id': (Buffer);
  'algorithm': (_trustkeyd_v1_Algorithm__Output);
  /**
   * canonical key ID; empty when the public key can't be read
   */
  'keyId': (string);
  /**
   * the token claims the key was made on it
   */
  'local': (boolean);
  'sensitive': (boolean);
  'extractable': (boolean);
  'alwaysAuthenticate': (boolean);
}
