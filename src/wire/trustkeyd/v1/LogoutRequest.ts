// Original file: proto/trustkeyd/v1/tokens.proto


export interface LogoutRequest {
  'token'?: (string);
}

export interface LogoutRequest__Output {
  'token': (string);
}
