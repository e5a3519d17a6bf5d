// Original file: proto/trustkeyd/v1/tokens.proto

import type { DoctorFinding as _trustkeyd_v1_DoctorFinding, DoctorFinding__Output as _trustkeyd_v1_DoctorFinding__Output } from '../../trustkeyd/v1/DoctorFinding.ts';
import type { DoctorAlgorithm as _trustkeyd_v1_DoctorAlgorithm, DoctorAlgorithm__Output as _trustkeyd_v1_DoctorAlgorithm__Output } from '../../trustkeyd/v1/DoctorAlgorithm.ts';
import type { DoctorWay as _trustkeyd_v1_DoctorWay, DoctorWay__Output as _trustkeyd_v1_DoctorWay__Output } from '../../trustkeyd/v1/DoctorWay.ts';
import type { DoctorMechanism as _trustkeyd_v1_DoctorMechanism, DoctorMechanism__Output as _trustkeyd_v1_DoctorMechanism__Output } from '../../trustkeyd/v1/DoctorMechanism.ts';
import type { DoctorSlot as _trustkeyd_v1_DoctorSlot, DoctorSlot__Output as _trustkeyd_v1_DoctorSlot__Output } from '../../trustkeyd/v1/DoctorSlot.ts';

export interface DoctorReport {
  'token'?: (string);
  'uri'?: (string);
  /**
   * "fit", "unfit", "incomplete"
   */
  'verdict'?: (string);
  'reason'?: (string);
  /**
   * path of the library
   */
  'module'?: (string);
  /**
   * "softhsm", "ykcs11", … or "unknown"
   */
  'family'?: (string);
  /**
   * what it says of itself
   */
  'library'?: (string);
  'label'?: (string);
  'serial'?: (string);
  'manufacturer'?: (string);
  'model'?: (string);
  /**
   * of the token
   */
  'flags'?: (string)[];
  'findings'?: (_trustkeyd_v1_DoctorFinding)[];
  'algorithms'?: (_trustkeyd_v1_DoctorAlgorithm)[];
  'ways'?: (_trustkeyd_v1_DoctorWay)[];
  'mechanisms'?: (_trustkeyd_v1_DoctorMechanism)[];
  'slots'?: (_trustkeyd_v1_DoctorSlot)[];
  /**
   * JSON: what the quirks file has, or would have
   */
  'quirks'?: (string);
  /**
   * path of the file; empty: nothing was written
   */
  'written'?: (string);
}

export interface DoctorReport__Output {
  'token': (string);
  'uri': (string);
  /**
   * "fit", "unfit", "incomplete"
   */
  'verdict': (string);
  'reason': (string);
  /**
   * path of the library
   */
  'module': (string);
  /**
   * "softhsm", "ykcs11", … or "unknown"
   */
  'family': (string);
  /**
   * what it says of itself
   */
  'library': (string);
  'label': (string);
  'serial': (string);
  'manufacturer': (string);
  'model': (string);
  /**
   * of the token
   */
  'flags': (string)[];
  'findings': (_trustkeyd_v1_DoctorFinding__Output)[];
  'algorithms': (_trustkeyd_v1_DoctorAlgorithm__Output)[];
  'ways': (_trustkeyd_v1_DoctorWay__Output)[];
  'mechanisms': (_trustkeyd_v1_DoctorMechanism__Output)[];
  'slots': (_trustkeyd_v1_DoctorSlot__Output)[];
  /**
   * JSON: what the quirks file has, or would have
   */
  'quirks': (string);
  /**
   * path of the file; empty: nothing was written
   */
  'written': (string);
}
