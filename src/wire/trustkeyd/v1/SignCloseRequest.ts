// Original file: proto/trustkeyd/v1/ceremonies.proto


export interface SignCloseRequest {
  'keyId'?: (string);
  /**
   * canonical JSON; docs/formats/ceremony-bundle.md
   */
  'statement'?: (Buffer | Uint8Array | string);
}

export interface SignCloseRequest__Output {
  'keyId': (string);
  /**
   * canonical JSON; docs/formats/ceremony-bundle.md
   */
  'statement': (Buffer);
}
