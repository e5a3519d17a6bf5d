// Original file: proto/trustkeyd/v1/tokens.proto

import type { Long } from '@grpc/proto-loader';

export interface DoctorMechanism {
  'name'?: (string);
  'least'?: (number | string | Long);
  'most'?: (number | string | Long);
  'flags'?: (string)[];
}

export interface DoctorMechanism__Output {
  'name': (string);
  'least': (number);
  'most': (number);
  'flags': (string)[];
}
