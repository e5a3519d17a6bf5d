// Original file: proto/trustkeyd/v1/types.proto


/**
 * A public key as TUF metadata has it.
 */
export interface PublicKey {
  /**
   * "ecdsa", "rsa", "ed25519"; "ecdsa-x509", "rsa-x509" for role root
   */
  'keytype'?: (string);
  /**
   * DER SubjectPublicKeyInfo, 32 raw bytes for ed25519, for x509 the PEM text, leaf first
   */
  'public'?: (Buffer | Uint8Array | string);
}

/**
 * A public key as TUF metadata has it.
 */
export interface PublicKey__Output {
  /**
   * "ecdsa", "rsa", "ed25519"; "ecdsa-x509", "rsa-x509" for role root
   */
  'keytype': (string);
  /**
   * DER SubjectPublicKeyInfo, 32 raw bytes for ed25519, for x509 the PEM text, leaf first
   */
  'public': (Buffer);
}
