// Original file: proto/trustkeyd/v1/tokens.proto


export interface DoctorSlot {
  'id'?: (string);
  'description'?: (string);
  'present'?: (boolean);
  'label'?: (string);
  'serial'?: (string);
  'manufacturer'?: (string);
  'model'?: (string);
}

export interface DoctorSlot__Output {
  'id': (string);
  'description': (string);
  'present': (boolean);
  'label': (string);
  'serial': (string);
  'manufacturer': (string);
  'model': (string);
}
