// Original file: proto/trustkeyd/v1/types.proto


/**
 * A secret (passphrase, PIN) sealed for one signer process, one purpose and one subject: X25519 with the signer's key,
 * HKDF-SHA256, AES-256-GCM. docs/formats/sealed-secret.md gives the bytes.
 */
export interface SealedSecret {
  /**
   * X25519, 32 bytes
   */
  'ephemeralPublic'?: (Buffer | Uint8Array | string);
  /**
   * from Secrets.Challenge, 16 bytes, good once
   */
  'nonce'?: (Buffer | Uint8Array | string);
  /**
   * secret and 16-byte tag
   */
  'ciphertext'?: (Buffer | Uint8Array | string);
}

/**
 * A secret (passphrase, PIN) sealed for one signer process, one purpose and one subject: X25519 with the signer's key,
 * HKDF-SHA256, AES-256-GCM. docs/formats/sealed-secret.md gives the bytes.
 */
export interface SealedSecret__Output {
  /**
   * X25519, 32 bytes
   */
  'ephemeralPublic': (Buffer);
  /**
   * from Secrets.Challenge, 16 bytes, good once
   */
  'nonce': (Buffer);
  /**
   * secret and 16-byte tag
   */
  'ciphertext': (Buffer);
}
