// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface CreateGroupRequest {
  'name'?: (string);
  /**
   * purpose "create", subject "group:<name>"; absent: no passphrase wrap
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * name of a systemd credential that opens it unattended; empty: none
   */
  'credential'?: (string);
}

export interface CreateGroupRequest__Output {
  'name': (string);
  /**
   * purpose "create", subject "group:<name>"; absent: no passphrase wrap
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * name of a systemd credential that opens it unattended; empty: none
   */
  'credential': (string);
}
