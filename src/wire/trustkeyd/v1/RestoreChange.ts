// Original file: proto/trustkeyd/v1/backups.proto


export interface RestoreChange {
  /**
   * "add", "raise"; "differs": what is here stays as it is; "removed": it was removed here, and stays so; "left-out": it can't be taken in
   */
  'kind'?: (string);
  /**
   * "key", "group", "repository", "root", "mark", "document", "published", "promise", "outbox", "certificate", "close"
   */
  'subject'?: (string);
  /**
   * key ID, group
   */
  'name'?: (string);
  'gun'?: (string);
  'role'?: (string);
  /**
   * for a person
   */
  'text'?: (string);
}

export interface RestoreChange__Output {
  /**
   * "add", "raise"; "differs": what is here stays as it is; "removed": it was removed here, and stays so; "left-out": it can't be taken in
   */
  'kind': (string);
  /**
   * "key", "group", "repository", "root", "mark", "document", "published", "promise", "outbox", "certificate", "close"
   */
  'subject': (string);
  /**
   * key ID, group
   */
  'name': (string);
  'gun': (string);
  'role': (string);
  /**
   * for a person
   */
  'text': (string);
}
