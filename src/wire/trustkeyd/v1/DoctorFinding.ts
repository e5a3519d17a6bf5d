// Original file: proto/trustkeyd/v1/tokens.proto


export interface DoctorFinding {
  /**
   * "unfit", "warning", "note"
   */
  'weight'?: (string);
  'found'?: (string);
  'consequence'?: (string);
}

export interface DoctorFinding__Output {
  /**
   * "unfit", "warning", "note"
   */
  'weight': (string);
  'found': (string);
  'consequence': (string);
}
