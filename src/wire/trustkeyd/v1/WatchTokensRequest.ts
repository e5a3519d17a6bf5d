// Original file: proto/trustkeyd/v1/tokens.proto


export interface WatchTokensRequest {
  /**
   * only what the caller's own requests wait for
   */
  'own'?: (boolean);
}

export interface WatchTokensRequest__Output {
  /**
   * only what the caller's own requests wait for
   */
  'own': (boolean);
}
