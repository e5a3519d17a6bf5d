// Original file: proto/trustkeyd/v1/keys.proto


/**
 * PKCS#10 (RFC 2986), for a certificate authority: the key asks for a certificate with the GUN as its common name.
 */
export interface CertificateRequestRequest {
  'keyId'?: (string);
  'gun'?: (string);
}

/**
 * PKCS#10 (RFC 2986), for a certificate authority: the key asks for a certificate with the GUN as its common name.
 */
export interface CertificateRequestRequest__Output {
  'keyId': (string);
  'gun': (string);
}
