import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIds, type KeyId, type TufKey, type VerifiedRepository } from "../../tuf/index.ts"
import type { Binding, DaemonKey, PurposeName } from "../daemon-types.ts"
import { planImport } from "../import-plan.ts"

/** By canonical key ID: where the verified metadata of the repositories let a key sign. */
export type Places = ReadonlyMap<string, readonly Binding[]>

/** What a key becomes here. `retired`: GUNs its file names and whose published metadata do not know it. */
export type KeyPlan = {
    readonly purpose: PurposeName
    readonly label: string
    readonly bindings: readonly Binding[]
    readonly retired: readonly string[]
    /** Places in other roles than it can have here: a key has one purpose. */
    readonly besides: readonly Binding[]
}

const PURPOSE_ORDER: readonly PurposeName[] = ["root", "targets", "snapshot", "delegation"]
const DELEGATION_PREFIX = "targets/"

export function placesOf(repositories: readonly { readonly gun: string; readonly verified: VerifiedRepository }[]): Places {
    const places = new Map<string, Binding[]>()
    for (const { gun, verified } of repositories) {
        for (const { role, keyIds, keys } of rolesOf(verified)) {
            for (const id of new Set(canonicalKeyIds(keys, keyIds))) places.set(id, [...(places.get(id) ?? []), { role, gun }])
        }
    }
    return places
}

type RoleKeys = { readonly role: string; readonly keyIds: readonly KeyId[]; readonly keys: ReadonlyMap<KeyId, TufKey> }

/** Not timestamp: that key is the server's. */
function rolesOf({ root, targets, delegations }: VerifiedRepository): readonly RoleKeys[] {
    const found: RoleKeys[] = []
    const { document } = root.signed
    if (document.type === "root") {
        for (const [role, { keyIds }] of document.roles) if (role !== "timestamp") found.push({ role, keyIds, keys: document.keys })
    }
    for (const file of [targets, ...delegations.values()]) {
        if (file.signed.document.type !== "targets") continue
        const { keys, roles } = file.signed.document.delegations
        found.push(...roles.map(({ name, keyIds }) => ({ role: name, keyIds, keys })))
    }
    return found
}

/**
 * What verified metadata say of a key counts before what its file says; where they say nothing, the file counts.
 *
 * @param verified GUNs whose published metadata are known
 * @throws usage, key_unfit, invalid_request: neither says enough
 */
export function planKey(
    file: { readonly role: string; readonly gun: string },
    places: readonly Binding[],
    verified: ReadonlySet<string>,
): KeyPlan {
    if (places.length === 0) {
        const { purpose, label, bindings } = planImport(file, { roleOtherwise: "delegation" })
        return { purpose, label, bindings, retired: bindings.map(({ gun }) => gun).filter((gun) => verified.has(gun)), besides: [] }
    }
    const possible = new Set(places.map(({ role }) => purposeOf(role)))
    const claimed = file.role === "" ? undefined : purposeOf(file.role)
    const purpose = claimed !== undefined && possible.has(claimed) ? claimed : PURPOSE_ORDER.find((candidate) => possible.has(candidate))
    if (purpose === undefined) throw new TrustkeyError("internal", "a place without a purpose")
    return { purpose, label: labelOf(file.role, purpose, places), retired: [], ...split(places, purpose) }
}

/** What a key that is here already lacks. */
export function planKnown(known: DaemonKey, places: readonly Binding[]): Pick<KeyPlan, "bindings" | "besides"> {
    const isBound = (place: Binding): boolean => known.bindings.some(({ role, gun }) => role === place.role && gun === place.gun)
    const { bindings, besides } = known.purpose === "unknown" ? { bindings: [], besides: places } : split(places, known.purpose)
    return { bindings: bindings.filter((place) => !isBound(place)), besides }
}

function split(places: readonly Binding[], purpose: PurposeName): Pick<KeyPlan, "bindings" | "besides"> {
    const fits = ({ role }: Binding): boolean => purposeOf(role) === purpose
    return { bindings: places.filter(fits), besides: places.filter((place) => !fits(place)) }
}

function purposeOf(role: string): PurposeName {
    return role === "root" || role === "targets" || role === "snapshot" ? role : "delegation"
}

/** The name in the file; without one, the signer's by the role that has the key. */
function labelOf(role: string, purpose: PurposeName, places: readonly Binding[]): string {
    if (purpose !== "delegation") return ""
    const named = role === "" || purposeOf(role) !== "delegation" ? "" : planImport({ role, gun: "" }, {}).label
    if (named !== "") return named
    const own = places.find((place) => place.role.startsWith(DELEGATION_PREFIX) && place.role !== "targets/releases")
    return own === undefined ? "" : own.role.slice(DELEGATION_PREFIX.length)
}
