// Original file: proto/trustkeyd/v1/backups.proto


export interface ProveRequest {
  /**
   * SHA-256 of the drill's statement
   */
  'challenge'?: (Buffer | Uint8Array | string);
  /**
   * at most 1000
   */
  'keyIds'?: (string)[];
}

export interface ProveRequest__Output {
  /**
   * SHA-256 of the drill's statement
   */
  'challenge': (Buffer);
  /**
   * at most 1000
   */
  'keyIds': (string)[];
}
