// Original file: proto/trustkeyd/v1/trust.proto

import type { RootPlan as _trustkeyd_v1_RootPlan, RootPlan__Output as _trustkeyd_v1_RootPlan__Output } from '../../trustkeyd/v1/RootPlan.ts';
import type { Long } from '@grpc/proto-loader';

export interface PlanRootResponse {
  /**
   * absent when nothing was to be planned
   */
  'plan'?: (_trustkeyd_v1_RootPlan | null);
  /**
   * A root of this version was begun before: it has to be completed, or voided, before another can be signed. 0: none.
   */
  'begunVersion'?: (number | string | Long);
  /**
   * what it is; absent when only other holders have signed it so far, who have it
   */
  'begun'?: (_trustkeyd_v1_RootPlan | null);
}

export interface PlanRootResponse__Output {
  /**
   * absent when nothing was to be planned
   */
  'plan': (_trustkeyd_v1_RootPlan__Output | null);
  /**
   * A root of this version was begun before: it has to be completed, or voided, before another can be signed. 0: none.
   */
  'begunVersion': (number);
  /**
   * what it is; absent when only other holders have signed it so far, who have it
   */
  'begun': (_trustkeyd_v1_RootPlan__Output | null);
}
