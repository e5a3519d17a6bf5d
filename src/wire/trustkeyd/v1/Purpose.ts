// Original file: proto/trustkeyd/v1/types.proto

export const Purpose = {
  PURPOSE_UNSPECIFIED: 'PURPOSE_UNSPECIFIED',
  PURPOSE_ROOT: 'PURPOSE_ROOT',
  PURPOSE_TARGETS: 'PURPOSE_TARGETS',
  PURPOSE_SNAPSHOT: 'PURPOSE_SNAPSHOT',
  PURPOSE_DELEGATION: 'PURPOSE_DELEGATION',
  /**
   * signs the close of ceremonies, and nothing else
   */
  PURPOSE_CEREMONY: 'PURPOSE_CEREMONY',
} as const;

export type Purpose =
  | 'PURPOSE_UNSPECIFIED'
  | 0
  | 'PURPOSE_ROOT'
  | 1
  | 'PURPOSE_TARGETS'
  | 2
  | 'PURPOSE_SNAPSHOT'
  | 3
  | 'PURPOSE_DELEGATION'
  | 4
  /**
   * signs the close of ceremonies, and nothing else
   */
  | 'PURPOSE_CEREMONY'
  | 5

export type Purpose__Output = typeof Purpose[keyof typeof Purpose]
