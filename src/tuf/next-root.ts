import { TrustkeyError } from "../errors.ts"
import { canonicalKeyIdOf, isUsableKey, type KeyId, keyIdOf, type TufKey } from "./key.ts"
import type { KeyRole, RootDocument } from "./metadata.ts"
import { BASE_ROLES, type BaseRole } from "./role.ts"

/** All keys a role shall have, those that stay included. */
export type NextKeys = { readonly keys: readonly TufKey[]; readonly threshold: number }

export type RootChange = {
    /** Certificates. Absent: role root stays as it is. */
    readonly rootKeys?: NextKeys
    /** The roles that change; the others stay as they are. */
    readonly roles?: ReadonlyMap<Exclude<BaseRole, "root">, NextKeys>
    readonly expires: Date
}

/**
 * The root after `previous`, one version on. As Notary's own client leaves it: certificates that no role names any more stay in `keys`
 * (later clients find there whom they trusted), bare keys that no role names go.
 *
 * @throws root_rejected for what would leave a role that nobody can sign, or that Notary's clients would not count
 */
export function nextRoot(previous: RootDocument, change: RootChange): RootDocument {
    const changed = new Map<BaseRole, NextKeys>(change.roles)
    if (change.rootKeys !== undefined) changed.set("root", change.rootKeys)
    const keys = new Map(previous.keys)
    const roles = new Map<BaseRole, KeyRole>(previous.roles)
    for (const [role, next] of changed) {
        checkKeys(role, next)
        const named = next.keys.map((key): readonly [KeyId, TufKey] => [keyIdOf(key), key])
        for (const [id, key] of named) keys.set(id, key)
        roles.set(role, { keyIds: named.map(([id]) => id), threshold: next.threshold })
    }
    const inUse = new Set([...roles.values()].flatMap(({ keyIds }) => keyIds))
    const kept = [...keys].filter(([id, key]) => inUse.has(id) || key.keytype.endsWith("-x509"))
    return { ...previous, version: previous.version + 1, expires: change.expires, keys: new Map(kept), roles }
}

function checkKeys(role: BaseRole, { keys, threshold }: NextKeys): void {
    const refuse = (what: string): never => {
        throw new TrustkeyError("root_rejected", `role ${role} of the next root ${what}`)
    }
    if (keys.length === 0) refuse("would have no key")
    if (!Number.isSafeInteger(threshold) || threshold < 1) refuse("needs a threshold of at least 1")
    if (threshold > keys.length)
        refuse(`would need ${threshold} signatures of ${keys.length} keys: give it more keys, or a lower threshold`)
    // The server makes timestamps with the one key it has; with more needed nobody could read the repository.
    if (role === "timestamp" && threshold > 1) refuse("can't need more than one signature: the server makes it alone")
    if (role === "root" && keys.some(({ keytype }) => !keytype.endsWith("-x509"))) refuse("takes certificates only, one for each key")
    if (!keys.every(isUsableKey)) refuse("would have a key that can't be used: of a curve or size that is not known")
    // Verifiers count IDs, and each certificate has its own: one holder would count as two.
    if (new Set(keys.map(canonicalKeyIdOf)).size < keys.length) refuse("would have a key twice")
}

/** Which roles `next` gives other keys or another threshold; the order of the keys says nothing. */
export function changedRoles(previous: RootDocument, next: RootDocument): readonly BaseRole[] {
    return BASE_ROLES.filter((role) => {
        const [before, after] = [previous.roles.get(role), next.roles.get(role)]
        return before?.threshold !== after?.threshold || new Set(before?.keyIds).symmetricDifference(new Set(after?.keyIds)).size > 0
    })
}
