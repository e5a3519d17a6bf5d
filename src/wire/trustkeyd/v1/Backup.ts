// Original file: proto/trustkeyd/v1/backups.proto

import type { Long } from '@grpc/proto-loader';

export interface Backup {
  /**
   * hex SHA-256: the one in its end.json
   */
  'fingerprint'?: (string);
  /**
   * RFC 3339, UTC
   */
  'at'?: (string);
  'records'?: (number | string | Long);
  /**
   * of the age file; 0: not known
   */
  'bytes'?: (number | string | Long);
  'keys'?: (number | string | Long);
  'keyFiles'?: (number | string | Long);
  /**
   * of its keys, those whose private half is not in it: they lie on tokens alone
   */
  'without'?: (number | string | Long);
  'repositories'?: (number | string | Long);
  /**
   * none: it opens with a passphrase
   */
  'recipients'?: (string)[];
  /**
   * the last record before it
   */
  'auditSequence'?: (number | string | Long);
  /**
   * its hash, hex
   */
  'auditHead'?: (string);
}

export interface Backup__Output {
  /**
   * hex SHA-256: the one in its end.json
   */
  'fingerprint': (string);
  /**
   * RFC 3339, UTC
   */
  'at': (string);
  'records': (number);
  /**
   * of the age file; 0: not known
   */
  'bytes': (number);
  'keys': (number);
  'keyFiles': (number);
  /**
   * of its keys, those whose private half is not in it: they lie on tokens alone
   */
  'without': (number);
  'repositories': (number);
  /**
   * none: it opens with a passphrase
   */
  'recipients': (string)[];
  /**
   * the last record before it
   */
  'auditSequence': (number);
  /**
   * its hash, hex
   */
  'auditHead': (string);
}
