import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    canonicalKeyIds,
    type Delegation,
    type Delegations,
    type KeyId,
    keyIdOf,
    type MetadataFile,
    type RoleName,
    type TufKey,
    verifyThreshold,
} from "../../tuf/index.ts"
import { RELEASES, tidyDelegations } from "../trust/delegations.ts"

/** Other keys for one delegation. `going`: canonical IDs. */
export type DelegationChange = {
    readonly role: RoleName
    readonly going: readonly KeyId[]
    readonly coming: readonly TufKey[]
    readonly threshold: number
}

/**
 * The delegations with a role's keys changed, and with them those that stand in targets/releases for it: there docker lists each signer's
 * keys once more. A key that another role has as well stays in targets/releases.
 *
 * @throws invalid_request for what nobody could sign
 */
export function withRotatedKeys(before: Delegations, change: DelegationChange): Delegations {
    const { role, coming } = change
    const keys = new Map([...before.keys, ...coming.map((key) => [keyIdOf(key), key] as const)])
    const roles = before.roles.map((delegation) => {
        if (delegation.name === role) return rotated(keys, delegation, change)
        if (delegation.name !== RELEASES || !isSigner(before, role)) return delegation
        const going = change.going.filter((id) => !hasElsewhere(before, id, role))
        return rotated(keys, delegation, { ...change, going, threshold: delegation.threshold })
    })
    const tidy = tidyDelegations({ keys, roles })
    for (const { name, keyIds, threshold } of tidy.roles) {
        if (name !== role && name !== RELEASES) continue
        if (!Number.isSafeInteger(threshold) || threshold < 1 || keyIds.length < threshold)
            throw new TrustkeyError("invalid_request", `${name} would need ${threshold} signatures and have ${keyIds.length} keys`)
    }
    if (!tidy.roles.some(({ name }) => name === role)) throw new TrustkeyError("invalid_request", `${role} would have no key`)
    return tidy
}

function rotated(keys: ReadonlyMap<KeyId, TufKey>, delegation: Delegation, { going, coming, threshold }: DelegationChange): Delegation {
    const staying = delegation.keyIds.filter((id) => !canonicalKeyIds(keys, [id]).some((canonical) => going.includes(canonical)))
    const there = canonicalKeyIds(keys, staying)
    const added = coming.filter((key) => !there.includes(canonicalKeyIdOf(key))).map(keyIdOf)
    return { ...delegation, threshold, keyIds: [...staying, ...added] }
}

/** Whether a key of the role stands in targets/releases: then the role is a signer's, and both change together. */
export function isSigner({ keys, roles }: Delegations, role: RoleName): boolean {
    if (role === RELEASES) return false
    const ids = (name: RoleName): readonly KeyId[] => canonicalKeyIds(keys, roles.find((other) => other.name === name)?.keyIds)
    const releases = ids(RELEASES)
    return ids(role).some((id) => releases.includes(id))
}

function hasElsewhere({ keys, roles }: Delegations, id: KeyId, role: RoleName): boolean {
    return roles.some(({ name, keyIds }) => name !== role && name !== RELEASES && canonicalKeyIds(keys, keyIds).includes(id))
}

/** Whether what is published of a delegation has the signatures it needs under these. */
export function countsUnder(file: MetadataFile, { keys, roles }: Delegations, name: RoleName): boolean {
    const role = roles.find((other) => other.name === name)
    if (role === undefined) return false
    try {
        verifyThreshold(file.signed, file.signatures, keys, role)
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

/** Where keys that were taken from `role` count no more: in targets/releases they may still, for another signer. */
export function goneFrom({ keys, roles }: Delegations, role: RoleName, gone: readonly KeyId[]): readonly RoleName[] {
    const releases = canonicalKeyIds(keys, roles.find(({ name }) => name === RELEASES)?.keyIds)
    return role === RELEASES || gone.some((id) => releases.includes(id)) ? [role] : [role, RELEASES]
}
