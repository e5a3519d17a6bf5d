// Original file: proto/trustkeyd/v1/keys.proto

/**
 * Encrypted PKCS#8 (RFC 5958, PBES2) in PEM.
 */
export const KeyFileFormat = {
  KEY_FILE_FORMAT_UNSPECIFIED: 'KEY_FILE_FORMAT_UNSPECIFIED',
  /**
   * with Notary's headers, as notary key import and docker trust key load take it
   */
  KEY_FILE_FORMAT_NOTARY: 'KEY_FILE_FORMAT_NOTARY',
  /**
   * without, as OpenSSL takes it
   */
  KEY_FILE_FORMAT_PKCS8: 'KEY_FILE_FORMAT_PKCS8',
} as const;

/**
 * Encrypted PKCS#8 (RFC 5958, PBES2) in PEM.
 */
export type KeyFileFormat =
  | 'KEY_FILE_FORMAT_UNSPECIFIED'
  | 0
  /**
   * with Notary's headers, as notary key import and docker trust key load take it
   */
  | 'KEY_FILE_FORMAT_NOTARY'
  | 1
  /**
   * without, as OpenSSL takes it
   */
  | 'KEY_FILE_FORMAT_PKCS8'
  | 2

/**
 * Encrypted PKCS#8 (RFC 5958, PBES2) in PEM.
 */
export type KeyFileFormat__Output = typeof KeyFileFormat[keyof typeof KeyFileFormat]
