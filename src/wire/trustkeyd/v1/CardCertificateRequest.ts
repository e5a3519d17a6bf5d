// Original file: proto/trustkeyd/v1/keys.proto

import type { SealedSecret as _trustkeyd_v1_SealedSecret, SealedSecret__Output as _trustkeyd_v1_SealedSecret__Output } from '../../trustkeyd/v1/SealedSecret.ts';

/**
 * The CN=root certificate that stock Notary clients look for on a card: self-signed by the key, and written into its slot.
 */
export interface CardCertificateRequest {
  'keyId'?: (string);
  /**
   * purpose "management-key", subject "token:<name>"
   */
  'managementKey'?: (_trustkeyd_v1_SealedSecret | null);
  /**
   * hex SHA-256 of the certificate that lies there; empty: there is none
   */
  'replace'?: (string);
}

/**
 * The CN=root certificate that stock Notary clients look for on a card: self-signed by the key, and written into its slot.
 */
export interface CardCertificateRequest__Output {
  'keyId': (string);
  /**
   * purpose "management-key", subject "token:<name>"
   */
  'managementKey': (_trustkeyd_v1_SealedSecret__Output | null);
  /**
   * hex SHA-256 of the certificate that lies there; empty: there is none
   */
  'replace': (string);
}
