// Original file: proto/trustkeyd/v1/keys.proto


export interface GetKeyRequest {
  'id'?: (string);
}

export interface GetKeyRequest__Output {
  'id': (string);
}
