// Original file: proto/trustkeyd/v1/keys.proto


/**
 * A certificate that an authority issued for a root key and a GUN, in place of the one the key would sign itself.
 */
export interface KeepRootCertificateRequest {
  'keyId'?: (string);
  'gun'?: (string);
  /**
   * the key's certificate, then those that lead up from it
   */
  'chainPem'?: (string);
}

/**
 * A certificate that an authority issued for a root key and a GUN, in place of the one the key would sign itself.
 */
export interface KeepRootCertificateRequest__Output {
  'keyId': (string);
  'gun': (string);
  /**
   * the key's certificate, then those that lead up from it
   */
  'chainPem': (string);
}
