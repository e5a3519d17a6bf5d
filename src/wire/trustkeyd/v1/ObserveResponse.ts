// Original file: proto/trustkeyd/v1/trust.proto

import type { Mark as _trustkeyd_v1_Mark, Mark__Output as _trustkeyd_v1_Mark__Output } from '../../trustkeyd/v1/Mark.ts';

export interface ObserveResponse {
  'marks'?: (_trustkeyd_v1_Mark)[];
  /**
   * roles that left the outbox
   */
  'published'?: (string)[];
}

export interface ObserveResponse__Output {
  'marks': (_trustkeyd_v1_Mark__Output)[];
  /**
   * roles that left the outbox
   */
  'published': (string)[];
}
