// Original file: proto/trustkeyd/v1/keys.proto


export interface CertificateRequestResponse {
  'requestPem'?: (string);
}

export interface CertificateRequestResponse__Output {
  'requestPem': (string);
}
