import type { KeyObject } from "node:crypto"
import { open, openPrivateKey, type PublicKeyBytes, publicKeyOf, type Secret } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { Fields } from "../fields.ts"
import { samePublicKey } from "../messages.ts"

/** The private key in an envelope, by its passphrase or its group's. @throws open_failed */
export async function openWithPassphrase(request: Fields, secret: Secret): Promise<Secret> {
    const [envelope, facts] = [request.bytes("envelope"), request.bytes("facts")]
    if (!request.has("group")) return await open(envelope, facts, { kind: "passphrase", secret })
    const group = request.fields("group")
    using key = await open(group.bytes("envelope"), group.bytes("facts"), { kind: "passphrase", secret })
    return await open(envelope, facts, { kind: "group", key })
}

/** @throws open_failed */
export function toKey(pkcs8: Secret, expected: PublicKeyBytes): KeyObject {
    // The envelope is bound to its facts, so this fails only when whoever sealed it lied.
    if (!samePublicKey(publicKeyOf(pkcs8), expected)) throw new TrustkeyError("open_failed", "the key cannot be opened")
    return openPrivateKey(pkcs8)
}
