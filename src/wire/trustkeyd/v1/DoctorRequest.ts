// Original file: proto/trustkeyd/v1/tokens.proto


export interface DoctorRequest {
  /**
   * a name from the configuration, or a PKCS#11 URI that fits one configured token
   */
  'token'?: (string);
  /**
   * write the quirks file, and start the token's signer anew with it
   */
  'write'?: (boolean);
}

export interface DoctorRequest__Output {
  /**
   * a name from the configuration, or a PKCS#11 URI that fits one configured token
   */
  'token': (string);
  /**
   * write the quirks file, and start the token's signer anew with it
   */
  'write': (boolean);
}
