// Original file: proto/trustkeyd/v1/tokens.proto

import type { Token as _trustkeyd_v1_Token, Token__Output as _trustkeyd_v1_Token__Output } from '../../trustkeyd/v1/Token.ts';
import type { PivSlot as _trustkeyd_v1_PivSlot, PivSlot__Output as _trustkeyd_v1_PivSlot__Output } from '../../trustkeyd/v1/PivSlot.ts';
import type { TokenWarning as _trustkeyd_v1_TokenWarning, TokenWarning__Output as _trustkeyd_v1_TokenWarning__Output } from '../../trustkeyd/v1/TokenWarning.ts';

/**
 * What is unknown is empty, "unknown" or zero. All but the attestations of keys is a token's own word.
 */
export interface TokenDetails {
  'token'?: (_trustkeyd_v1_Token | null);
  /**
   * decimal
   */
  'cardSerial'?: (string);
  /**
   * "5.4.3"
   */
  'firmware'?: (string);
  /**
   * "3des", "aes128", "aes192", "aes256"
   */
  'managementKey'?: (string);
  /**
   * "yes", "no", "unknown": the key every card is sold with
   */
  'managementKeyDefault'?: (string);
  /**
   * "yes", "no", "unknown"
   */
  'pinDefault'?: (string);
  /**
   * a number, or empty
   */
  'pinTries'?: (string);
  'pukTries'?: (string);
  /**
   * those with a key or a certificate
   */
  'slots'?: (_trustkeyd_v1_PivSlot)[];
  'warnings'?: (_trustkeyd_v1_TokenWarning)[];
}

/**
 * What is unknown is empty, "unknown" or zero. All but the attestations of keys is a token's own word.
 */
export interface TokenDetails__Output {
  'token': (_trustkeyd_v1_Token__Output | null);
  /**
   * decimal
   */
  'cardSerial': (string);
  /**
   * "5.4.3"
   */
  'firmware': (string);
  /**
   * "3des", "aes128", "aes192", "aes256"
   */
  'managementKey': (string);
  /**
   * "yes", "no", "unknown": the key every card is sold with
   */
  'managementKeyDefault': (string);
  /**
   * "yes", "no", "unknown"
   */
  'pinDefault': (string);
  /**
   * a number, or empty
   */
  'pinTries': (string);
  'pukTries': (string);
  /**
   * those with a key or a certificate
   */
  'slots': (_trustkeyd_v1_PivSlot__Output)[];
  'warnings': (_trustkeyd_v1_TokenWarning__Output)[];
}
