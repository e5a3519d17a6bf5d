// Original file: proto/trustkeyd/v1/keys.proto


export interface CardCertificateResponse {
  'certificatePem'?: (string);
}

export interface CardCertificateResponse__Output {
  'certificatePem': (string);
}
