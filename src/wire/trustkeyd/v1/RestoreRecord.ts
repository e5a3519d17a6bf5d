// Original file: proto/trustkeyd/v1/backups.proto


export interface RestoreRecord {
  'name'?: (string);
  'content'?: (Buffer | Uint8Array | string);
}

export interface RestoreRecord__Output {
  'name': (string);
  'content': (Buffer);
}
