// Original file: proto/trustkeyd/v1/keys.proto

import type { Group as _trustkeyd_v1_Group, Group__Output as _trustkeyd_v1_Group__Output } from '../../trustkeyd/v1/Group.ts';

export interface ListGroupsResponse {
  'groups'?: (_trustkeyd_v1_Group)[];
}

export interface ListGroupsResponse__Output {
  'groups': (_trustkeyd_v1_Group__Output)[];
}
