// Original file: proto/trustkeyd/v1/types.proto


/**
 * A place a key may sign for.
 */
export interface Binding {
  'gun'?: (string);
  'role'?: (string);
}

/**
 * A place a key may sign for.
 */
export interface Binding__Output {
  'gun': (string);
  'role': (string);
}
