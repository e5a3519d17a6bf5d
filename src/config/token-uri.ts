import { TrustkeyError } from "../errors.ts"
import { parsePkcs11Uri } from "../signer/index.ts"

/** @throws invalid_request unless it is a PKCS#11 URI that names a token and nothing on it; the message never repeats the URI. */
export function checkTokenUri(text: string): void {
    const uri = parsePkcs11Uri(text)
    if (uri.object !== undefined || uri.type !== undefined || uri.id !== undefined) {
        throw new TrustkeyError("invalid_request", "the PKCS#11 URI names an object; here it names the token only")
    }
    // A model or a slot is whatever is plugged in today.
    if (uri.serial === undefined && uri.token === undefined) {
        throw new TrustkeyError("invalid_request", "the PKCS#11 URI names no token: it needs serial, or token (the label)")
    }
}
