// Original file: proto/trustkeyd/v1/keys.proto


export interface RemoveKeyRequest {
  /**
   * the full ID
   */
  'id'?: (string);
  /**
   * the first 8 digits of the ID, typed by a person
   */
  'confirm'?: (string);
}

export interface RemoveKeyRequest__Output {
  /**
   * the full ID
   */
  'id': (string);
  /**
   * the first 8 digits of the ID, typed by a person
   */
  'confirm': (string);
}
