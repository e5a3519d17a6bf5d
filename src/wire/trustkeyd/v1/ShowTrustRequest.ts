// Original file: proto/trustkeyd/v1/trust.proto


export interface ShowTrustRequest {
  'gun'?: (string);
}

export interface ShowTrustRequest__Output {
  'gun': (string);
}
