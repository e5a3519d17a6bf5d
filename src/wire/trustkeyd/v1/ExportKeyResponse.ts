// Original file: proto/trustkeyd/v1/keys.proto


export interface ExportKeyResponse {
  'file'?: (Buffer | Uint8Array | string);
}

export interface ExportKeyResponse__Output {
  'file': (Buffer);
}
