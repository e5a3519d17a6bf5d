// Original file: proto/trustkeyd/v1/types.proto


/**
 * One metadata file, whole: {"signed":…,"signatures":[…]}.
 */
export interface MetadataFile {
  'role'?: (string);
  'content'?: (Buffer | Uint8Array | string);
}

/**
 * One metadata file, whole: {"signed":…,"signatures":[…]}.
 */
export interface MetadataFile__Output {
  'role': (string);
  'content': (Buffer);
}
