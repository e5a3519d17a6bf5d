// Original file: proto/trustkeyd/v1/tokens.proto

import type { Algorithm as _trustkeyd_v1_Algorithm, Algorithm__Output as _trustkeyd_v1_Algorithm__Output } from '../../trustkeyd/v1/Algorithm.ts';

export interface PivSlot {
  'slot'?: (string);
  'algorithm'?: (_trustkeyd_v1_Algorithm);
  /**
   * canonical key ID; empty when the public key can't be read
   */
  'keyId'?: (string);
  'pinPolicy'?: (string);
  'touchPolicy'?: (string);
  /**
   * "generated", "imported", "unknown"
   */
  'origin'?: (string);
  /**
   * its common name
   */
  'certificateName'?: (string);
  /**
   * empty: there is none
   */
  'certificateSha256'?: (string);
  /**
   * RFC 7512, for Keys.Enroll
   */
  'uri'?: (string);
}

export interface PivSlot__Output {
  'slot': (string);
  'algorithm': (_trustkeyd_v1_Algorithm__Output);
  /**
   * canonical key ID; empty when the public key can't be read
   */
  'keyId': (string);
  'pinPolicy': (string);
  'touchPolicy': (string);
  /**
   * "generated", "imported", "unknown"
   */
  'origin': (string);
  /**
   * its common name
   */
  'certificateName': (string);
  /**
   * empty: there is none
   */
  'certificateSha256': (string);
  /**
   * RFC 7512, for Keys.Enroll
   */
  'uri': (string);
}
