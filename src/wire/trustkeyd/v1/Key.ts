// Original file: proto/trustkeyd/v1/types.proto

import type { Algorithm as _trustkeyd_v1_Algorithm, Algorithm__Output as _trustkeyd_v1_Algorithm__Output } from '../../trustkeyd/v1/Algorithm.ts';
import type { Purpose as _trustkeyd_v1_Purpose, Purpose__Output as _trustkeyd_v1_Purpose__Output } from '../../trustkeyd/v1/Purpose.ts';
import type { Binding as _trustkeyd_v1_Binding, Binding__Output as _trustkeyd_v1_Binding__Output } from '../../trustkeyd/v1/Binding.ts';
import type { KeyState as _trustkeyd_v1_KeyState, KeyState__Output as _trustkeyd_v1_KeyState__Output } from '../../trustkeyd/v1/KeyState.ts';
import type { Attestation as _trustkeyd_v1_Attestation, Attestation__Output as _trustkeyd_v1_Attestation__Output } from '../../trustkeyd/v1/Attestation.ts';
import type { KeyNeed as _trustkeyd_v1_KeyNeed, KeyNeed__Output as _trustkeyd_v1_KeyNeed__Output } from '../../trustkeyd/v1/KeyNeed.ts';
import type { KeyCopy as _trustkeyd_v1_KeyCopy, KeyCopy__Output as _trustkeyd_v1_KeyCopy__Output } from '../../trustkeyd/v1/KeyCopy.ts';

/**
 * The public facts of a key.
 */
export interface Key {
  /**
   * canonical key ID: 64 lowercase hex digits
   */
  'id'?: (string);
  'algorithm'?: (_trustkeyd_v1_Algorithm);
  'purpose'?: (_trustkeyd_v1_Purpose);
  'label'?: (string);
  /**
   * DER SubjectPublicKeyInfo; for Ed25519 the raw 32 bytes
   */
  'publicKey'?: (Buffer | Uint8Array | string);
  /**
   * TUF keytype: "ecdsa", "rsa", "ed25519"
   */
  'keytype'?: (string);
  'bindings'?: (_trustkeyd_v1_Binding)[];
  /**
   * "sealed", "group:<name>" or "token:<name>"
   */
  'home'?: (string);
  /**
   * RFC 7512, path attributes only; empty for sealed keys
   */
  'tokenUri'?: (string);
  /**
   * "generated" or "imported", for ever
   */
  'origin'?: (string);
  /**
   * RFC 3339, UTC
   */
  'createdAt'?: (string);
  /**
   * RFC 3339, UTC; empty while the key is there
   */
  'removedAt'?: (string);
  'state'?: (_trustkeyd_v1_KeyState);
  /**
   * RFC 3339, UTC; empty when locked or without a limit
   */
  'unlockedUntil'?: (string);
  /**
   * 0: no limit, or locked
   */
  'usesLeft'?: (number);
  /**
   * a signature could be made now without asking a person
   */
  'ready'?: (boolean);
  /**
   * of its slot on a YubiKey: "never", "once", "always"; empty: not known
   */
  'pinPolicy'?: (string);
  /**
   * "never", "cached", "always"; empty: not known
   */
  'touchPolicy'?: (string);
  /**
   * not in lists
   */
  'attestation'?: (_trustkeyd_v1_Attestation | null);
  /**
   * made, imported or enrolled by the user who asks
   */
  'mine'?: (boolean);
  /**
   * who still needs it, as far as the daemon knows; not in lists
   */
  'needs'?: (_trustkeyd_v1_KeyNeed)[];
  /**
   * tokens it was brought to and signs on besides
   */
  'copies'?: (_trustkeyd_v1_KeyCopy)[];
  /**
   * its home is a token it was brought to, not made on
   */
  'brought'?: (boolean);
}

/**
 * The public facts of a key.
 */
export interface Key__Output {
  /**
   * canonical key ID: 64 lowercase hex digits
   */
  'id': (string);
  'algorithm': (_trustkeyd_v1_Algorithm__Output);
  'purpose': (_trustkeyd_v1_Purpose__Output);
  'label': (string);
  /**
   * DER SubjectPublicKeyInfo; for Ed25519 the raw 32 bytes
   */
  'publicKey': (Buffer);
  /**
   * TUF keytype: "ecdsa", "rsa", "ed25519"
   */
  'keytype': (string);
  'bindings': (_trustkeyd_v1_Binding__Output)[];
  /**
   * "sealed", "group:<name>" or "token:<name>"
   */
  'home': (string);
  /**
   * RFC 7512, path attributes only; empty for sealed keys
   */
  'tokenUri': (string);
  /**
   * "generated" or "imported", for ever
   */
  'origin': (string);
  /**
   * RFC 3339, UTC
   */
  'createdAt': (string);
  /**
   * RFC 3339, UTC; empty while the key is there
   */
  'removedAt': (string);
  'state': (_trustkeyd_v1_KeyState__Output);
  /**
   * RFC 3339, UTC; empty when locked or without a limit
   */
  'unlockedUntil': (string);
  /**
   * 0: no limit, or locked
   */
  'usesLeft': (number);
  /**
   * a signature could be made now without asking a person
   */
  'ready': (boolean);
  /**
   * of its slot on a YubiKey: "never", "once", "always"; empty: not known
   */
  'pinPolicy': (string);
  /**
   * "never", "cached", "always"; empty: not known
   */
  'touchPolicy': (string);
  /**
   * not in lists
   */
  'attestation': (_trustkeyd_v1_Attestation__Output | null);
  /**
   * made, imported or enrolled by the user who asks
   */
  'mine': (boolean);
  /**
   * who still needs it, as far as the daemon knows; not in lists
   */
  'needs': (_trustkeyd_v1_KeyNeed__Output)[];
  /**
   * tokens it was brought to and signs on besides
   */
  'copies': (_trustkeyd_v1_KeyCopy__Output)[];
  /**
   * its home is a token it was brought to, not made on
   */
  'brought': (boolean);
}
