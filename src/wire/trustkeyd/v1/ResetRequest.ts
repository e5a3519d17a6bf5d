// Original file: proto/trustkeyd/v1/trust.proto


export interface ResetRequest {
  'gun'?: (string);
  /**
   * the GUN, typed by a person
   */
  'confirm'?: (string);
}

export interface ResetRequest__Output {
  'gun': (string);
  /**
   * the GUN, typed by a person
   */
  'confirm': (string);
}
