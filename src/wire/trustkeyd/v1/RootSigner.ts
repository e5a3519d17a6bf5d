// Original file: proto/trustkeyd/v1/trust.proto


export interface RootSigner {
  /**
   * TUF key ID
   */
  'keyid'?: (string);
  /**
   * canonical key ID; empty when the key can't be read
   */
  'keyId'?: (string);
  /**
   * counts for the threshold of the root before
   */
  'old'?: (boolean);
  /**
   * counts for the new one's
   */
  'new'?: (boolean);
  /**
   * the key is here, bound to this root, and the caller's to see
   */
  'ours'?: (boolean);
}

export interface RootSigner__Output {
  /**
   * TUF key ID
   */
  'keyid': (string);
  /**
   * canonical key ID; empty when the key can't be read
   */
  'keyId': (string);
  /**
   * counts for the threshold of the root before
   */
  'old': (boolean);
  /**
   * counts for the new one's
   */
  'new': (boolean);
  /**
   * the key is here, bound to this root, and the caller's to see
   */
  'ours': (boolean);
}
