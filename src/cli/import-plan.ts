import type { Algorithm, KeyFileEntry } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { parseGun } from "../tuf/index.ts"
import type { Binding, PurposeName } from "./daemon-types.ts"

/** What a person says of the keys of a file; what the file says itself need not be said. */
export type ImportWishes = {
    readonly role?: string
    readonly gun?: string
    readonly name?: string
    /** For a key of which nobody says what it is for. */
    readonly roleOtherwise?: string
}

export type ImportPlan = { readonly purpose: PurposeName; readonly label: string; readonly bindings: readonly Binding[] }

const DELEGATION_PREFIX = "targets/"

/**
 * What a key from a file becomes here: root, targets and snapshot keys what they were, every other role a delegation key with the
 * signer's name. Root and delegation keys belong to no repository by themselves, as in the stock clients.
 *
 * @throws usage: the role or the GUN is missing, or told otherwise in the file. key_unfit: a timestamp key. invalid_request: no GUN
 */
export function planImport(entry: Pick<KeyFileEntry, "role" | "gun">, wishes: ImportWishes): ImportPlan {
    const role = agreed("role", entry.role, wishes.role) ?? wishes.roleOtherwise
    if (role === undefined) {
        throw new TrustkeyError(
            "usage",
            "the file does not say what the key is for: give --role root, targets, snapshot or the signer's name",
        )
    }
    const label = wishes.name ?? ""
    switch (role) {
        case "root":
            return { purpose: "root", label, bindings: [] }
        case "targets":
        case "snapshot":
            return { purpose: role, label, bindings: [{ role, gun: gunOf(entry, wishes, role) }] }
        case "timestamp":
            throw new TrustkeyError("key_unfit", "a timestamp key is the trust server's: trustkeyd keeps none")
        default:
            return { purpose: "delegation", label: wishes.name ?? signerName(role), bindings: [] }
    }
}

/** targets/alice is alice's; a delegation key nobody named has no name. */
function signerName(role: string): string {
    if (role === "delegation") return ""
    return role.startsWith(DELEGATION_PREFIX) ? role.slice(DELEGATION_PREFIX.length) : role
}

function gunOf(entry: Pick<KeyFileEntry, "gun">, wishes: ImportWishes, role: string): string {
    const gun = agreed("gun", entry.gun, wishes.gun)
    if (gun === undefined) throw new TrustkeyError("usage", `the file does not say which repository's ${role} key it is: give --gun`)
    return parseGun(gun)
}

function agreed(what: "role" | "gun", inFile: string, wished: string | undefined): string | undefined {
    if (inFile !== "" && wished !== undefined && inFile !== wished) {
        throw new TrustkeyError("usage", `the file says its ${what} is ${inFile}, and --${what} says ${wished}: leave --${what} out`)
    }
    return inFile === "" ? wished : inFile
}

/** @throws key_unfit as the daemon would, before anything is imported */
export function checkFit(algorithm: Algorithm, { purpose }: ImportPlan): void {
    if (purpose === "root" && algorithm === "ed25519") {
        throw new TrustkeyError(
            "key_unfit",
            "a root key needs a certificate in Notary, and there is none for Ed25519: its clients refuse it",
        )
    }
}
