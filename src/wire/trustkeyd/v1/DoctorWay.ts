// Original file: proto/trustkeyd/v1/tokens.proto


export interface DoctorWay {
  /**
   * a mechanism, or what else was done to get a key out
   */
  'way'?: (string);
  /**
   * "came-out", "refused", "did-not-work"
   */
  'outcome'?: (string);
  'proven'?: (boolean);
  /**
   * the module's
   */
  'answer'?: (string);
}

export interface DoctorWay__Output {
  /**
   * a mechanism, or what else was done to get a key out
   */
  'way': (string);
  /**
   * "came-out", "refused", "did-not-work"
   */
  'outcome': (string);
  'proven': (boolean);
  /**
   * the module's
   */
  'answer': (string);
}
