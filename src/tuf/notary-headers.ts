import type { NotaryHeaders } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"

/** What of a key decides what Notary's clients call it. */
export type KeyToName = {
    readonly id: string
    readonly purpose: string
    readonly label: string
    readonly bindings: readonly { readonly gun: string; readonly role: string }[]
}

/** A delegation key with such a name would be that role's key. */
const BASE_NAMES: ReadonlySet<string> = new Set(["root", "targets", "snapshot", "timestamp"])
/** docker's and notary's, for a signer nobody named. */
const NAMELESS = "delegation"

/**
 * The headers of a key's file, by which notary and docker know what the key is for. Root and delegation keys belong to no repository there, targets
 * and snapshot keys to one: the one they are bound to, or `gun`.
 *
 * @throws key_unfit: Notary has no such keys. invalid_request: which repository is not said, or said where it can't be
 */
export function notaryHeaders({ id, purpose, label, bindings }: KeyToName, gun?: string): NotaryHeaders {
    const path = id
    switch (purpose) {
        case "targets":
        case "snapshot":
            return { role: purpose, gun: gunOf(purpose, bindings, gun), path }
        case "root":
        case "delegation":
            if (gun !== undefined) throw new TrustkeyError("invalid_request", `Notary's file of a ${purpose} key names no repository`)
            return { role: purpose === "root" ? purpose : signerName(label, bindings), gun: "", path }
        default:
            throw new TrustkeyError("key_unfit", `Notary has no ${purpose} keys; as pkcs8 it can be exported`)
    }
}

function gunOf(purpose: string, bindings: KeyToName["bindings"], wished: string | undefined): string {
    const guns = [...new Set(bindings.filter(({ role }) => role === purpose).map(({ gun }) => gun))]
    const [only, ...more] = guns
    if (wished !== undefined) {
        if (only === undefined || guns.includes(wished)) return wished
        throw new TrustkeyError("invalid_request", `this ${purpose} key is not bound to ${wished}`)
    }
    if (only !== undefined && more.length === 0) return only
    const many = only === undefined ? "no repository" : `${guns.length} repositories`
    throw new TrustkeyError(
        "invalid_request",
        `Notary's file of a ${purpose} key names one repository, and this one is bound to ${many}: say which`,
    )
}

function signerName(label: string, bindings: KeyToName["bindings"]): string {
    const [role, ...more] = [...new Set(bindings.map((binding) => binding.role))]
    const name = label === "" && role !== undefined && more.length === 0 ? role : label
    return name === "" || BASE_NAMES.has(name) ? NAMELESS : name
}
