// Original file: proto/trustkeyd/v1/backups.proto


export interface KeptRequest {
  'fingerprint'?: (string);
}

export interface KeptRequest__Output {
  'fingerprint': (string);
}
