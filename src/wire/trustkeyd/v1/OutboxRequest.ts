// Original file: proto/trustkeyd/v1/trust.proto


export interface OutboxRequest {
  'gun'?: (string);
}

export interface OutboxRequest__Output {
  'gun': (string);
}
