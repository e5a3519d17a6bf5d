import type { SetBody, SignCloseRequest, SignRequest, SignSetRequest } from "../../custody/index.ts"
import { parseGun, parseKeyId, parseRoleName, type Signature } from "../../tuf/index.ts"
import type { Body__Output } from "../../wire/trustkeyd/v1/Body.ts"
import type { Signature__Output } from "../../wire/trustkeyd/v1/Signature.ts"
import type { SignCloseRequest__Output } from "../../wire/trustkeyd/v1/SignCloseRequest.ts"
import type { SignRequest__Output } from "../../wire/trustkeyd/v1/SignRequest.ts"
import type { SignSetRequest__Output } from "../../wire/trustkeyd/v1/SignSetRequest.ts"
import { atMost, files, keyIds, matching, payload, version, wholeNumber, wholeSeconds } from "./fields.ts"

const MAX_BODIES = 256
const MAX_SIGNATURES = 256
/** An RSA signature with 4096 bits has 512 bytes. */
const MAX_SIGNATURE_BYTES = 1024
/** A ceremony's close: three hashes, an ID and a time. */
const MAX_STATEMENT_BYTES = 4096

export function decodeSign(wire: SignRequest__Output, maxPayloadBytes: number): SignRequest {
    return {
        keyId: parseKeyId(wire.keyId),
        gun: parseGun(wire.gun),
        role: parseRoleName(wire.role),
        signed: payload("signed", wire.signed, maxPayloadBytes),
    }
}

export function decodeSignClose(wire: SignCloseRequest__Output): SignCloseRequest {
    return { keyId: parseKeyId(wire.keyId), statement: payload("statement", wire.statement, MAX_STATEMENT_BYTES) }
}

/** JavaScript's numbers are exact up to 2^53; a tag beyond would come back as another. */
export function decodeTag(wire: SignRequest__Output): number {
    return wholeNumber("tag", wire.tag)
}

export function decodeSignSet(wire: SignSetRequest__Output, maxPayloadBytes: number): SignSetRequest {
    return {
        gun: parseGun(wire.gun),
        published: files("published", wire.published, maxPayloadBytes),
        bodies: atMost("bodies", wire.bodies, MAX_BODIES).map((body) => decodeBody(body, maxPayloadBytes)),
        ...(wire.snapshot === null
            ? {}
            : {
                  snapshot: {
                      version: version(wire.snapshot.version),
                      expires: wholeSeconds(wire.snapshot.expires),
                      keyIds: keyIds(wire.snapshot.keyIds),
                  },
              }),
    }
}

function decodeBody(wire: Body__Output, maxPayloadBytes: number): SetBody {
    return {
        role: parseRoleName(wire.role),
        signed: payload("signed", wire.signed, maxPayloadBytes),
        keyIds: keyIds(wire.keyIds),
        signatures: atMost("signatures", wire.signatures, MAX_SIGNATURES).map(decodeSignature),
        ...(wire.base === "" ? {} : { base: matching("base", wire.base, /^[0-9a-f]{64}$/) }),
    }
}

function decodeSignature(wire: Signature__Output): Signature {
    return {
        keyId: parseKeyId(wire.keyid),
        method: matching("method", wire.method, /^[a-z0-9-]{1,32}$/),
        sig: payload("sig", wire.sig, MAX_SIGNATURE_BYTES),
    }
}
