// Original file: proto/trustkeyd/v1/keys.proto


export interface RootCertificateRequest {
  'keyId'?: (string);
  'gun'?: (string);
}

export interface RootCertificateRequest__Output {
  'keyId': (string);
  'gun': (string);
}
