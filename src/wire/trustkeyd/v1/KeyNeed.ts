// Original file: proto/trustkeyd/v1/types.proto


/**
 * Why a key may not go yet, or what it still means.
 */
export interface KeyNeed {
  /**
   * empty: of a repository the caller may not see
   */
  'gun'?: (string);
  'role'?: (string);
  /**
   * "signs", "replaces", "promised"; "old-clients", "cached-roots", "retired", "bound"
   */
  'kind'?: (string);
  /**
   * something that has to work stops, or comes closer to it, without the key
   */
  'needed'?: (boolean);
  'text'?: (string);
}

/**
 * Why a key may not go yet, or what it still means.
 */
export interface KeyNeed__Output {
  /**
   * empty: of a repository the caller may not see
   */
  'gun': (string);
  'role': (string);
  /**
   * "signs", "replaces", "promised"; "old-clients", "cached-roots", "retired", "bound"
   */
  'kind': (string);
  /**
   * something that has to work stops, or comes closer to it, without the key
   */
  'needed': (boolean);
  'text': (string);
}
