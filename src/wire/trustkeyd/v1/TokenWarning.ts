// Original file: proto/trustkeyd/v1/tokens.proto


export interface TokenWarning {
  /**
   * stable: "infineon-ecdsa", "roca", "default-pin" …
   */
  'name'?: (string);
  'what'?: (string);
  'consequence'?: (string);
  'advice'?: (string);
}

export interface TokenWarning__Output {
  /**
   * stable: "infineon-ecdsa", "roca", "default-pin" …
   */
  'name': (string);
  'what': (string);
  'consequence': (string);
  'advice': (string);
}
