// Original file: proto/trustkeyd/v1/keys.proto


export interface ListKeysRequest {
  'gun'?: (string);
  'role'?: (string);
  'includeRemoved'?: (boolean);
  /**
   * at most and by default 1000
   */
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListKeysRequest__Output {
  'gun': (string);
  'role': (string);
  'includeRemoved': (boolean);
  /**
   * at most and by default 1000
   */
  'pageSize': (number);
  'pageToken': (string);
}
