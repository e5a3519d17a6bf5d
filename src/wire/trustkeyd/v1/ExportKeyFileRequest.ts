// Original file: proto/trustkeyd/v1/keys.proto

import type { KeyFileFormat as _trustkeyd_v1_KeyFileFormat, KeyFileFormat__Output as _trustkeyd_v1_KeyFileFormat__Output } from '../../trustkeyd/v1/KeyFileFormat.ts';
import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

export interface ExportKeyFileRequest {
  'id'?: (string);
  /**
   * the first 8 digits of the ID, typed by a person
   */
  'confirm'?: (string);
  'format'?: (_trustkeyd_v1_KeyFileFormat);
  /**
   * of a targets or snapshot key in Notary's format that is not bound to just one repository: which one the file names
   */
  'gun'?: (string);
  /**
   * for the file, at least 8 bytes and not what opens the key here; purpose "file-passphrase", subject "<key id>:<notary or pkcs8>"
   */
  'filePassphrase'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * the key's or its group's, sealed for purpose "export-file", subject "<key id>:<notary or pkcs8>:<hash of file_passphrase>", see docs/formats/sealed-secret.md
   */
  'passphrase'?: (_trustkeyd_v1_SealedSecret | null);
}

export interface ExportKeyFileRequest__Output {
  'id': (string);
  /**
   * the first 8 digits of the ID, typed by a person
   */
  'confirm': (string);
  'format': (_trustkeyd_v1_KeyFileFormat__Output);
  /**
   * of a targets or snapshot key in Notary's format that is not bound to just one repository: which one the file names
   */
  'gun': (string);
  /**
   * for the file, at least 8 bytes and not what opens the key here; purpose "file-passphrase", subject "<key id>:<notary or pkcs8>"
   */
  'filePassphrase': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * the key's or its group's, sealed for purpose "export-file", subject "<key id>:<notary or pkcs8>:<hash of file_passphrase>", see docs/formats/sealed-secret.md
   */
  'passphrase': (_trustkeyd_v1_SealedSecret__Output | null);
}
