// Original file: proto/trustkeyd/v1/keys.proto


export interface KeepRootCertificateResponse {
  /**
   * as RootCertificate answers from now on
   */
  'certificatePem'?: (string);
  'tufKeyId'?: (string);
  /**
   * RFC 3339
   */
  'expires'?: (string);
  /**
   * what some verifiers will object to
   */
  'warnings'?: (string)[];
}

export interface KeepRootCertificateResponse__Output {
  /**
   * as RootCertificate answers from now on
   */
  'certificatePem': (string);
  'tufKeyId': (string);
  /**
   * RFC 3339
   */
  'expires': (string);
  /**
   * what some verifiers will object to
   */
  'warnings': (string)[];
}
