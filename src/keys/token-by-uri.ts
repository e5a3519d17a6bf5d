import { TrustkeyError } from "../errors.ts"
import { matchesToken, type Pkcs11Uri, parsePkcs11Uri } from "../signer/index.ts"
import type { TokenKeys } from "./token-keys.ts"

/**
 * The one configured token that a PKCS#11 URI fits, by what was last seen of it. What can't be known without asking its module (slots,
 * libraries) can't be asked for.
 *
 * @throws not_found, object_ambiguous, invalid_request
 */
export function tokenByUri(tokens: readonly TokenKeys[], text: string): TokenKeys {
    if (!/^pkcs11:/i.test(text)) throw new TrustkeyError("not_found", `no token is configured as ${JSON.stringify(text)}${listed(tokens)}`)
    const uri = parsePkcs11Uri(text)
    const unknowable = NOT_SEEN.find((attribute) => uri[attribute] !== undefined)
    if (unknowable !== undefined) {
        throw new TrustkeyError("invalid_request", "the URI may name the token by token, serial, manufacturer and model, and nothing else")
    }
    const fitting = tokens.filter(({ snapshot }) => snapshot.state !== "absent" && matchesToken(uri, snapshot))
    const [token] = fitting
    if (token === undefined) throw new TrustkeyError("not_found", `no configured token fits this URI${listed(tokens)}`)
    if (fitting.length > 1) throw new TrustkeyError("object_ambiguous", `${fitting.length} tokens fit this URI${listed(fitting)}`)
    return token
}

const NOT_SEEN = [
    "object",
    "type",
    "id",
    "slotId",
    "slotDescription",
    "slotManufacturer",
    "libraryManufacturer",
    "libraryDescription",
    "libraryVersion",
] as const satisfies readonly (keyof Pkcs11Uri)[]

const MOST_LISTED = 8

/** Which there are: names, labels, serials. */
function listed(tokens: readonly TokenKeys[]): string {
    if (tokens.length === 0) return ": no token is configured"
    const lines = tokens.slice(0, MOST_LISTED).map(({ config, snapshot: { state, label, serial, manufacturer } }) => {
        const what =
            state === "absent"
                ? "absent"
                : `label ${JSON.stringify(label)}, serial ${JSON.stringify(serial)}, made by ${JSON.stringify(manufacturer)}`
        return `${config.name} (${what})`
    })
    return `; there ${tokens.length === 1 ? "is" : "are"}: ${lines.join("; ")}`
}
