import { parseKeyId, type Signature } from "../tuf/index.ts"
import type { WireSignature } from "./daemon-types.ts"

/** @throws invalid_request: the daemon answered with what is no key ID */
export function fromWireSignature({ keyid, method, sig }: WireSignature): Signature {
    return { keyId: parseKeyId(keyid), method, sig }
}

export function toWireSignature({ keyId, method, sig }: Signature): WireSignature {
    return { keyid: keyId, method, sig }
}
