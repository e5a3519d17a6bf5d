// Original file: proto/trustkeyd/v1/keys.proto


export interface ExportKeyFileResponse {
  'file'?: (Buffer | Uint8Array | string);
}

export interface ExportKeyFileResponse__Output {
  'file': (Buffer);
}
