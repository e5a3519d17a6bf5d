// Original file: proto/trustkeyd/v1/secrets.proto


export interface ChallengeRequest {
  /**
   * "create", "import", "unlock", "passphrase-old", "passphrase-new", "login", "pin-old", "pin-new", "puk"; docs/formats/sealed-secret.md has all
   */
  'purpose'?: (string);
  /**
   * key ID, "group:<name>", "token:<name>"; "new" when the key does not exist yet
   */
  'subject'?: (string);
}

export interface ChallengeRequest__Output {
  /**
   * "create", "import", "unlock", "passphrase-old", "passphrase-new", "login", "pin-old", "pin-new", "puk"; docs/formats/sealed-secret.md has all
   */
  'purpose': (string);
  /**
   * key ID, "group:<name>", "token:<name>"; "new" when the key does not exist yet
   */
  'subject': (string);
}
