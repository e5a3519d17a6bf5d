// Original file: proto/trustkeyd/v1/keys.proto


export interface LockRequest {
  'keyId'?: (string);
  'group'?: (string);
  /**
   * ends the signer processes
   */
  'all'?: (boolean);
  'subject'?: "keyId"|"group"|"all";
}

export interface LockRequest__Output {
  'keyId'?: (string);
  'group'?: (string);
  /**
   * ends the signer processes
   */
  'all'?: (boolean);
  'subject'?: "keyId"|"group"|"all";
}
