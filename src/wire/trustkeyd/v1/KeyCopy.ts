// Original file: proto/trustkeyd/v1/types.proto


/**
 * A token that a key was brought to.
 */
export interface KeyCopy {
  /**
   * its name in the configuration
   */
  'token'?: (string);
  /**
   * RFC 7512, path attributes only
   */
  'uri'?: (string);
  'serial'?: (string);
  /**
   * the token is there
   */
  'present'?: (boolean);
  'pinPolicy'?: (string);
  'touchPolicy'?: (string);
}

/**
 * A token that a key was brought to.
 */
export interface KeyCopy__Output {
  /**
   * its name in the configuration
   */
  'token': (string);
  /**
   * RFC 7512, path attributes only
   */
  'uri': (string);
  'serial': (string);
  /**
   * the token is there
   */
  'present': (boolean);
  'pinPolicy': (string);
  'touchPolicy': (string);
}
