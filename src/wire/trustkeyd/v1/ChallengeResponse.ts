// Original file: proto/trustkeyd/v1/secrets.proto


export interface ChallengeResponse {
  /**
   * X25519, 32 bytes; fresh for each signer process
   */
  'signerPublic'?: (Buffer | Uint8Array | string);
  'nonce'?: (Buffer | Uint8Array | string);
  'purpose'?: (string);
  /**
   * the full subject: a key ID prefix is expanded
   */
  'subject'?: (string);
}

export interface ChallengeResponse__Output {
  /**
   * X25519, 32 bytes; fresh for each signer process
   */
  'signerPublic': (Buffer);
  'nonce': (Buffer);
  'purpose': (string);
  /**
   * the full subject: a key ID prefix is expanded
   */
  'subject': (string);
}
