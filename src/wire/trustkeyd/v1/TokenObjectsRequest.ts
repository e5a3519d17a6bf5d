// Original file: proto/trustkeyd/v1/tokens.proto


export interface TokenObjectsRequest {
  'token'?: (string);
}

export interface TokenObjectsRequest__Output {
  'token': (string);
}
