// Original file: proto/trustkeyd/v1/types.proto


/**
 * A signature as TUF metadata carries it.
 */
export interface Signature {
  /**
   * TUF key ID: for root the ID of the certificate
   */
  'keyid'?: (string);
  /**
   * "ecdsa", "rsapss", "eddsa"
   */
  'method'?: (string);
  'sig'?: (Buffer | Uint8Array | string);
}

/**
 * A signature as TUF metadata carries it.
 */
export interface Signature__Output {
  /**
   * TUF key ID: for root the ID of the certificate
   */
  'keyid': (string);
  /**
   * "ecdsa", "rsapss", "eddsa"
   */
  'method': (string);
  'sig': (Buffer);
}
