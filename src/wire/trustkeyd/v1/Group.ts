// Original file: proto/trustkeyd/v1/keys.proto


export interface Group {
  'name'?: (string);
  'byPassphrase'?: (boolean);
  'credential'?: (string);
  'unlocked'?: (boolean);
  'unlockedUntil'?: (string);
  'keys'?: (number);
}

export interface Group__Output {
  'name': (string);
  'byPassphrase': (boolean);
  'credential': (string);
  'unlocked': (boolean);
  'unlockedUntil': (string);
  'keys': (number);
}
