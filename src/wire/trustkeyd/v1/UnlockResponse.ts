// Original file: proto/trustkeyd/v1/keys.proto


export interface UnlockResponse {
  'unlockedUntil'?: (string);
}

export interface UnlockResponse__Output {
  'unlockedUntil': (string);
}
