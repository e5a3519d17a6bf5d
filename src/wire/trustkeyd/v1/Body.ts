// Original file: proto/trustkeyd/v1/signing.proto

import type { Signature as _trustkeyd_v1_Signature, Signature__Output as _trustkeyd_v1_Signature__Output } from '../../trustkeyd/v1/Signature.ts';

export interface Body {
  'role'?: (string);
  /**
   * the canonical `signed` value
   */
  'signed'?: (Buffer | Uint8Array | string);
  /**
   * our keys that shall sign it; for delegated or root keys of others none is needed here
   */
  'keyIds'?: (string)[];
  /**
   * made by other holders
   */
  'signatures'?: (_trustkeyd_v1_Signature)[];
  /**
   * hex SHA-256 of the canonical `signed` this one was built from; empty: not said, not checked
   */
  'base'?: (string);
}

export interface Body__Output {
  'role': (string);
  /**
   * the canonical `signed` value
   */
  'signed': (Buffer);
  /**
   * our keys that shall sign it; for delegated or root keys of others none is needed here
   */
  'keyIds': (string)[];
  /**
   * made by other holders
   */
  'signatures': (_trustkeyd_v1_Signature__Output)[];
  /**
   * hex SHA-256 of the canonical `signed` this one was built from; empty: not said, not checked
   */
  'base': (string);
}
