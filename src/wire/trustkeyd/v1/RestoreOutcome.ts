// Original file: proto/trustkeyd/v1/backups.proto

import type { Long } from '@grpc/proto-loader';

export interface RestoreOutcome {
  /**
   * false: nothing was changed
   */
  'done'?: (boolean);
  /**
   * of the records that came, hex
   */
  'digest'?: (string);
  /**
   * of the backup, RFC 3339, UTC
   */
  'madeAt'?: (string);
  /**
   * this daemon has on record that it made it
   */
  'madeHere'?: (boolean);
  'records'?: (number | string | Long);
  'added'?: (number | string | Long);
  'raised'?: (number | string | Long);
  'differing'?: (number | string | Long);
  /**
   * here already
   */
  'same'?: (number | string | Long);
  /**
   * the head of the chain of records where it was made, as the backup says
   */
  'auditSequence'?: (number | string | Long);
  'auditHead'?: (string);
}

export interface RestoreOutcome__Output {
  /**
   * false: nothing was changed
   */
  'done': (boolean);
  /**
   * of the records that came, hex
   */
  'digest': (string);
  /**
   * of the backup, RFC 3339, UTC
   */
  'madeAt': (string);
  /**
   * this daemon has on record that it made it
   */
  'madeHere': (boolean);
  'records': (number);
  'added': (number);
  'raised': (number);
  'differing': (number);
  /**
   * here already
   */
  'same': (number);
  /**
   * the head of the chain of records where it was made, as the backup says
   */
  'auditSequence': (number);
  'auditHead': (string);
}
