// Original file: proto/trustkeyd/v1/backups.proto


export interface RecordDrillRequest {
  'receipt'?: (Buffer | Uint8Array | string);
}

export interface RecordDrillRequest__Output {
  'receipt': (Buffer);
}
