import type { SessionObject, Slot } from "graphene-pk11"
import { TrustkeyError } from "../../errors.ts"
import { formatPkcs11Uri, stripPadding } from "../pkcs11-uri.ts"
import { CKA_ID, CKA_LABEL, readAttribute, readText } from "./objects.ts"

const MOST_SHOWN = 8
// CK_TOKEN_INFO's label has 32 bytes. CKA_LABEL and CKA_ID have no limit, and who made the objects isn't known.
const LONGEST = 64

/**
 * Exactly one private key. What there is instead is listed as URIs to choose from: labels and numbers, nothing secret.
 *
 * @param objects those that fit
 * @param all those there are
 * @throws not_found, object_ambiguous
 */
export function onlyOneKey(objects: readonly SessionObject[], all: readonly SessionObject[] = []): SessionObject {
    const [object] = objects
    if (object !== undefined && objects.length === 1) return object
    if (object !== undefined) throw new TrustkeyError("object_ambiguous", `${objects.length} private keys fit: ${list(objects, nameKey)}`)
    const others = all.length === 0 ? "" : `; there ${all.length === 1 ? "is" : "are"} ${list(all, nameKey)}`
    throw new TrustkeyError("not_found", `no private key on the token fits${others}`)
}

/** The tokens in these slots, as URIs. One that goes away meanwhile is left out. Empty when there is none. */
export function listTokens(slots: readonly Slot[]): string {
    return list(slots, nameToken)
}

function list<T>(candidates: readonly T[], name: (candidate: T) => string | undefined): string {
    const names = candidates
        .slice(0, MOST_SHOWN)
        .map(name)
        .filter((each) => each !== undefined)
        .sort()
    const left = candidates.length - MOST_SHOWN
    return `${names.join(", ")}${left > 0 ? ` and ${left} more` : ""}`
}

function nameKey(object: SessionObject): string {
    const id = readAttribute(object, CKA_ID)?.subarray(0, LONGEST) ?? Buffer.alloc(0)
    return formatPkcs11Uri({ object: readText(object, CKA_LABEL).slice(0, LONGEST), id })
}

function nameToken(slot: Slot): string | undefined {
    try {
        const token = slot.getToken()
        const [label, serial] = [stripPadding(token.label), stripPadding(token.serialNumber)]
        // SoftHSM's place for the next token: nothing is in it yet.
        return label === "" && serial === "" ? undefined : formatPkcs11Uri({ token: label, serial })
    } catch {
        return undefined
    }
}
