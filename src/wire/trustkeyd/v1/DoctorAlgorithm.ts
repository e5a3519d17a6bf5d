// Original file: proto/trustkeyd/v1/tokens.proto


export interface DoctorAlgorithm {
  'algorithm'?: (string);
  /**
   * "yes", "advertised", "broken", "no"
   */
  'makes'?: (string);
  'signs'?: (string);
  'detail'?: (string);
}

export interface DoctorAlgorithm__Output {
  'algorithm': (string);
  /**
   * "yes", "advertised", "broken", "no"
   */
  'makes': (string);
  'signs': (string);
  'detail': (string);
}
