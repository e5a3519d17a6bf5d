// Original file: proto/trustkeyd/v1/types.proto


/**
 * A YubiKey's word for a key it made. Whoever has both certificates can verify it again; the verdict is the daemon's.
 */
export interface Attestation {
  /**
   * DER: of the key, signed by the card's key in slot f9
   */
  'certificate'?: (Buffer | Uint8Array | string);
  /**
   * DER: of that key
   */
  'intermediate'?: (Buffer | Uint8Array | string);
  /**
   * "attested"; "unknown-root": it fits, but nobody we know vouches for the card; "invalid"
   */
  'verdict'?: (string);
  /**
   * of an attested one: "yubico", or "configured" by token.attestation_roots
   */
  'by'?: (string);
  /**
   * the name of the root certificate it rests upon
   */
  'root'?: (string);
  /**
   * of an invalid one
   */
  'problem'?: (string);
  /**
   * what it has to say, and says: the card's number, decimal
   */
  'serial'?: (string);
}

/**
 * A YubiKey's word for a key it made. Whoever has both certificates can verify it again; the verdict is the daemon's.
 */
export interface Attestation__Output {
  /**
   * DER: of the key, signed by the card's key in slot f9
   */
  'certificate': (Buffer);
  /**
   * DER: of that key
   */
  'intermediate': (Buffer);
  /**
   * "attested"; "unknown-root": it fits, but nobody we know vouches for the card; "invalid"
   */
  'verdict': (string);
  /**
   * of an attested one: "yubico", or "configured" by token.attestation_roots
   */
  'by': (string);
  /**
   * the name of the root certificate it rests upon
   */
  'root': (string);
  /**
   * of an invalid one
   */
  'problem': (string);
  /**
   * what it has to say, and says: the card's number, decimal
   */
  'serial': (string);
}
