// Original file: proto/trustkeyd/v1/tokens.proto


export interface Token {
  /**
   * from the configuration
   */
  'name'?: (string);
  /**
   * RFC 7512, path attributes only
   */
  'uri'?: (string);
  /**
   * "present", "absent", "logged-in", "busy", "blocked", "failed"
   */
  'state'?: (string);
  /**
   * what a person should do, if anything
   */
  'detail'?: (string);
  'label'?: (string);
  'serial'?: (string);
  'manufacturer'?: (string);
  'model'?: (string);
  /**
   * "ok", "low", "final", "blocked": what the token's flags say
   */
  'tries'?: (string);
  /**
   * RFC 3339, UTC; empty when nobody is logged in or without a limit
   */
  'loggedInUntil'?: (string);
  /**
   * of the login; 0: no limit, or nobody is logged in
   */
  'usesLeft'?: (number);
  /**
   * "pkcs11", "yubikey": one whose PIV applet the daemon reaches itself
   */
  'kind'?: (string);
}

export interface Token__Output {
  /**
   * from the configuration
   */
  'name': (string);
  /**
   * RFC 7512, path attributes only
   */
  'uri': (string);
  /**
   * "present", "absent", "logged-in", "busy", "blocked", "failed"
   */
  'state': (string);
  /**
   * what a person should do, if anything
   */
  'detail': (string);
  'label': (string);
  'serial': (string);
  'manufacturer': (string);
  'model': (string);
  /**
   * "ok", "low", "final", "blocked": what the token's flags say
   */
  'tries': (string);
  /**
   * RFC 3339, UTC; empty when nobody is logged in or without a limit
   */
  'loggedInUntil': (string);
  /**
   * of the login; 0: no limit, or nobody is logged in
   */
  'usesLeft': (number);
  /**
   * "pkcs11", "yubikey": one whose PIV applet the daemon reaches itself
   */
  'kind': (string);
}
