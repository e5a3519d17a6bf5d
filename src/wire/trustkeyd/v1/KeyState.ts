// Original file: proto/trustkeyd/v1/types.proto

export const KeyState = {
  KEY_STATE_UNSPECIFIED: 'KEY_STATE_UNSPECIFIED',
  KEY_STATE_LOCKED: 'KEY_STATE_LOCKED',
  KEY_STATE_UNLOCKED: 'KEY_STATE_UNLOCKED',
  /**
   * its token is not there
   */
  KEY_STATE_ABSENT: 'KEY_STATE_ABSENT',
  /**
   * a tombstone
   */
  KEY_STATE_REMOVED: 'KEY_STATE_REMOVED',
} as const;

export type KeyState =
  | 'KEY_STATE_UNSPECIFIED'
  | 0
  | 'KEY_STATE_LOCKED'
  | 1
  | 'KEY_STATE_UNLOCKED'
  | 2
  /**
   * its token is not there
   */
  | 'KEY_STATE_ABSENT'
  | 3
  /**
   * a tombstone
   */
  | 'KEY_STATE_REMOVED'
  | 4

export type KeyState__Output = typeof KeyState[keyof typeof KeyState]
