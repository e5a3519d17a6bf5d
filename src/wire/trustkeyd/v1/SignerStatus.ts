// Original file: proto/trustkeyd/v1/status.proto


export interface SignerStatus {
  /**
   * "file" or a token's name
   */
  'name'?: (string);
  /**
   * "ready", "busy", "starting", "failed"
   */
  'state'?: (string);
  'detail'?: (string);
  'restarts'?: (number);
}

export interface SignerStatus__Output {
  /**
   * "file" or a token's name
   */
  'name': (string);
  /**
   * "ready", "busy", "starting", "failed"
   */
  'state': (string);
  'detail': (string);
  'restarts': (number);
}
