// Original file: proto/trustkeyd/v1/tokens.proto


export interface ShowTokenRequest {
  'token'?: (string);
}

export interface ShowTokenRequest__Output {
  'token': (string);
}
