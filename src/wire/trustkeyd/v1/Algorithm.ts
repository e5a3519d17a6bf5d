// Original file: proto/trustkeyd/v1/types.proto

export const Algorithm = {
  ALGORITHM_UNSPECIFIED: 'ALGORITHM_UNSPECIFIED',
  ALGORITHM_P256: 'ALGORITHM_P256',
  ALGORITHM_P384: 'ALGORITHM_P384',
  ALGORITHM_RSA_2048: 'ALGORITHM_RSA_2048',
  ALGORITHM_RSA_3072: 'ALGORITHM_RSA_3072',
  ALGORITHM_RSA_4096: 'ALGORITHM_RSA_4096',
  ALGORITHM_ED25519: 'ALGORITHM_ED25519',
} as const;

export type Algorithm =
  | 'ALGORITHM_UNSPECIFIED'
  | 0
  | 'ALGORITHM_P256'
  | 1
  | 'ALGORITHM_P384'
  | 2
  | 'ALGORITHM_RSA_2048'
  | 3
  | 'ALGORITHM_RSA_3072'
  | 4
  | 'ALGORITHM_RSA_4096'
  | 5
  | 'ALGORITHM_ED25519'
  | 6

export type Algorithm__Output = typeof Algorithm[keyof typeof Algorithm]
