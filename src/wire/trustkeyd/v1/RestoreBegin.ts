// Original file: proto/trustkeyd/v1/backups.proto


export interface RestoreBegin {
  /**
   * hex SHA-256: the one in the archive's end.json
   */
  'fingerprint'?: (string);
  /**
   * at least its first 16 hex digits, typed by a person; empty: nothing is changed
   */
  'confirm'?: (string);
  /**
   * with `confirm`: what the call without it answered, so that what is taken in is what was shown
   */
  'digest'?: (string);
}

export interface RestoreBegin__Output {
  /**
   * hex SHA-256: the one in the archive's end.json
   */
  'fingerprint': (string);
  /**
   * at least its first 16 hex digits, typed by a person; empty: nothing is changed
   */
  'confirm': (string);
  /**
   * with `confirm`: what the call without it answered, so that what is taken in is what was shown
   */
  'digest': (string);
}
