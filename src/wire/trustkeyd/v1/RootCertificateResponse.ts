// Original file: proto/trustkeyd/v1/keys.proto


export interface RootCertificateResponse {
  /**
   * always the same for a key and a GUN
   */
  'certificatePem'?: (string);
  'tufKeyId'?: (string);
}

export interface RootCertificateResponse__Output {
  /**
   * always the same for a key and a GUN
   */
  'certificatePem': (string);
  'tufKeyId': (string);
}
