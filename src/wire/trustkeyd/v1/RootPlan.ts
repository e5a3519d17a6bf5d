// Original file: proto/trustkeyd/v1/trust.proto

import type { RootSigner as _trustkeyd_v1_RootSigner, RootSigner__Output as _trustkeyd_v1_RootSigner__Output } from '../../trustkeyd/v1/RootSigner.ts';
import type { Signature as _trustkeyd_v1_Signature, Signature__Output as _trustkeyd_v1_Signature__Output } from '../../trustkeyd/v1/Signature.ts';
import type { Long } from '@grpc/proto-loader';

export interface RootPlan {
  /**
   * canonical
   */
  'signed'?: (Buffer | Uint8Array | string);
  'version'?: (number | string | Long);
  /**
   * SHA-256 of the canonical `signed` of the root before it, hex
   */
  'base'?: (string);
  /**
   * what it changes, for a person
   */
  'difference'?: (string)[];
  /**
   * SHA-256, hex: docs/formats/difference-code.md
   */
  'code'?: (string);
  'oldThreshold'?: (number);
  'newThreshold'?: (number);
  /**
   * who can sign it: the keys of the root before it, and its own
   */
  'signers'?: (_trustkeyd_v1_RootSigner)[];
  /**
   * made already, by keys of this daemon
   */
  'signatures'?: (_trustkeyd_v1_Signature)[];
}

export interface RootPlan__Output {
  /**
   * canonical
   */
  'signed': (Buffer);
  'version': (number);
  /**
   * SHA-256 of the canonical `signed` of the root before it, hex
   */
  'base': (string);
  /**
   * what it changes, for a person
   */
  'difference': (string)[];
  /**
   * SHA-256, hex: docs/formats/difference-code.md
   */
  'code': (string);
  'oldThreshold': (number);
  'newThreshold': (number);
  /**
   * who can sign it: the keys of the root before it, and its own
   */
  'signers': (_trustkeyd_v1_RootSigner__Output)[];
  /**
   * made already, by keys of this daemon
   */
  'signatures': (_trustkeyd_v1_Signature__Output)[];
}
