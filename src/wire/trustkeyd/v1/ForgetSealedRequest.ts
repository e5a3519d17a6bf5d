// Original file: proto/trustkeyd/v1/keys.proto


export interface ForgetSealedRequest {
  'id'?: (string);
  /**
   * the first 8 digits of the ID, typed by a person
   */
  'confirm'?: (string);
}

export interface ForgetSealedRequest__Output {
  'id': (string);
  /**
   * the first 8 digits of the ID, typed by a person
   */
  'confirm': (string);
}
