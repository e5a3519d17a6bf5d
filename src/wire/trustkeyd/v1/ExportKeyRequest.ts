// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface ExportKeyRequest {
  'id'?: (string);
  /**
   * age's X25519 recipients, 1 to 32, each once
   */
  'recipients'?: (string)[];
  /**
   * the key's or its group's, sealed for purpose "export", subject "<key id>:<SHA-256 of the recipients, joined by LF, in hex>"
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * of one of the recipients, sealed for purpose "identity" and the same subject: the signer opens the file with it again
   */
  'identity'?: (_trustkeyd_v1_SealedSecret | null);
}

export interface ExportKeyRequest__Output {
  'id': (string);
  /**
   * age's X25519 recipients, 1 to 32, each once
   */
  'recipients': (string)[];
  /**
   * the key's or its group's, sealed for purpose "export", subject "<key id>:<SHA-256 of the recipients, joined by LF, in hex>"
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * of one of the recipients, sealed for purpose "identity" and the same subject: the signer opens the file with it again
   */
  'identity': (_trustkeyd_v1_SealedSecret__Output | null);
}
