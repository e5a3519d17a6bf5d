// Original file: proto/trustkeyd/v1/keys.proto


export interface RemoveKeyRequest {
  /**
   * the full ID
   */
  'id'?: (string);
  /**
   * typed by a person: the first 8 digits of the ID; of a key that is needed, "3fa9c2d1 is still needed"
   */
  'confirm'?: (string);
}

export interface RemoveKeyRequest__Output {
  /**
   * the full ID
   */
  'id': (string);
  /**
   * typed by a person: the first 8 digits of the ID; of a key that is needed, "3fa9c2d1 is still needed"
   */
  'confirm': (string);
}
