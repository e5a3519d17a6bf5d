// Original file: proto/trustkeyd/v1/tokens.proto

import type { Long } from '@grpc/proto-loader';

export interface TokenEvent {
  /**
   * the same for all events of one wait
   */
  'id'?: (number | string | Long);
  /**
   * "touch-awaited", then "touched", "touch-timeout" or "gone"
   */
  'kind'?: (string);
  'token'?: (string);
  'serial'?: (string);
  /**
   * of a YubiKey: "9c"
   */
  'slot'?: (string);
  /**
   * canonical key ID; empty: a key that is being taken in
   */
  'keyId'?: (string);
  'keyLabel'?: (string);
  /**
   * empty: the key shows that it can sign
   */
  'gun'?: (string);
  /**
   * "ceremony": the close of one
   */
  'role'?: (string);
  /**
   * zero: a root certificate
   */
  'version'?: (number | string | Long);
  /**
   * to the newest document known, a sentence for each change; text of others in ASCII
   */
  'difference'?: (string)[];
  'requestedBy'?: (string);
  /**
   * RFC 3339, UTC: about so long the token waits
   */
  'deadline'?: (string);
  /**
   * "always", "cached"; empty: not known, it may be busy with something else
   */
  'touchPolicy'?: (string);
}

export interface TokenEvent__Output {
  /**
   * the same for all events of one wait
   */
  'id': (number);
  /**
   * "touch-awaited", then "touched", "touch-timeout" or "gone"
   */
  'kind': (string);
  'token': (string);
  'serial': (string);
  /**
   * of a YubiKey: "9c"
   */
  'slot': (string);
  /**
   * canonical key ID; empty: a key that is being taken in
   */
  'keyId': (string);
  'keyLabel': (string);
  /**
   * empty: the key shows that it can sign
   */
  'gun': (string);
  /**
   * "ceremony": the close of one
   */
  'role': (string);
  /**
   * zero: a root certificate
   */
  'version': (number);
  /**
   * to the newest document known, a sentence for each change; text of others in ASCII
   */
  'difference': (string)[];
  'requestedBy': (string);
  /**
   * RFC 3339, UTC: about so long the token waits
   */
  'deadline': (string);
  /**
   * "always", "cached"; empty: not known, it may be busy with something else
   */
  'touchPolicy': (string);
}
