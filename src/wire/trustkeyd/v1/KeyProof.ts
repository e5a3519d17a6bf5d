// Original file: proto/trustkeyd/v1/backups.proto


export interface KeyProof {
  'keyId'?: (string);
  /**
   * as TUF has it; over docs/formats/drill-receipt.md's canary
   */
  'signature'?: (Buffer | Uint8Array | string);
  /**
   * it can't sign; the others can
   */
  'errorCode'?: (string);
  'errorMessage'?: (string);
}

export interface KeyProof__Output {
  'keyId': (string);
  /**
   * as TUF has it; over docs/formats/drill-receipt.md's canary
   */
  'signature': (Buffer);
  /**
   * it can't sign; the others can
   */
  'errorCode': (string);
  'errorMessage': (string);
}
