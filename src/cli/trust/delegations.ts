import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    canonicalKeyIds,
    type Delegation,
    type Delegations,
    type KeyId,
    keyIdOf,
    parseRoleName,
    type RoleName,
    type TufKey,
} from "../../tuf/index.ts"

/** What docker pull trusts, before targets itself. */
export const RELEASES = parseRoleName("targets/releases")

/** Everything. */
const ALL_PATHS = [""]

/** The role of a signer's name, in docker's words when it can't be one. @throws invalid_request */
export function signerRole(name: string): RoleName {
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) {
        throw new TrustkeyError(
            "invalid_request",
            `signer name "${name}" must start with lowercase alphanumeric characters and can include "-" or "_" after the first character`,
        )
    }
    if (name === "releases") throw new TrustkeyError("invalid_request", "releases is a reserved keyword, use a different signer name")
    return parseRoleName(`targets/${name}`)
}

/**
 * The delegations with `keys` trusted for `role` and for targets/releases, as docker trust signer add makes them. A role that is there
 * already keeps its threshold and its paths: who limited it meant it.
 */
export function withSigner(before: Delegations, role: RoleName, keys: readonly TufKey[]): Delegations {
    // One form of a key in the whole document: verifiers count IDs, and a certificate has its own.
    const forms = new Map([...before.keys.values(), ...keys].reverse().map((key) => [canonicalKeyIdOf(key), key]))
    const chosen = [...new Set(keys.map(canonicalKeyIdOf))].flatMap((id) => forms.get(id) ?? [])
    const all = new Map([...before.keys, ...chosen.map((key) => [keyIdOf(key), key] as const)])
    const roles = [role, RELEASES].reduce((done, name) => withKeys(done, all, name, chosen), before.roles)
    return tidyDelegations({ keys: all, roles })
}

function withKeys(
    roles: readonly Delegation[],
    known: ReadonlyMap<KeyId, TufKey>,
    name: RoleName,
    keys: readonly TufKey[],
): readonly Delegation[] {
    const there = roles.find((delegation) => delegation.name === name)
    if (there === undefined) return [...roles, { name, paths: ALL_PATHS, threshold: 1, keyIds: keys.map(keyIdOf) }]
    const held = canonicalKeyIds(known, there.keyIds)
    const missing = keys.filter((key) => !held.includes(canonicalKeyIdOf(key))).map(keyIdOf)
    const paths = there.paths.length === 0 ? ALL_PATHS : there.paths
    return roles.map((delegation) => (delegation === there ? { ...there, paths, keyIds: [...there.keyIds, ...missing] } : delegation))
}

/** The delegations without `role`, and without its keys in targets/releases, but for those another signer has as well. */
export function withoutSigner(before: Delegations, role: RoleName): Delegations {
    const left = before.roles.filter(({ name }) => name !== role)
    const going = canonicalKeyIds(before.keys, before.roles.find(({ name }) => name === role)?.keyIds)
    const staying = left.filter(({ name }) => name !== RELEASES).flatMap(({ keyIds }) => canonicalKeyIds(before.keys, keyIds))
    const isGone = (id: KeyId): boolean => {
        const [canonical] = canonicalKeyIds(before.keys, [id])
        return canonical !== undefined && going.includes(canonical) && !staying.includes(canonical)
    }
    const roles = left.map((delegation) =>
        delegation.name === RELEASES ? { ...delegation, keyIds: delegation.keyIds.filter((id) => !isGone(id)) } : delegation,
    )
    return tidyDelegations({ keys: before.keys, roles })
}

/**
 * What no careful signer can sign, put right without changing who is trusted: of a key that a role lists as certificate and as bare key one
 * form is kept (docker trust signer add of both leaves both), a role without keys, which nobody can sign, goes (docker trust signer remove
 * of the last signer leaves one), and so do keys that no role has.
 */
export function tidyDelegations({ keys, roles }: Delegations): Delegations {
    const tidy = roles.map((role) => ({ ...role, keyIds: withoutTwins(keys, role.keyIds) })).filter(({ keyIds }) => keyIds.length > 0)
    const used = new Set(tidy.flatMap(({ keyIds }) => keyIds))
    return { keys: new Map([...keys].filter(([id]) => used.has(id))), roles: tidy }
}

function withoutTwins(keys: ReadonlyMap<KeyId, TufKey>, ids: readonly KeyId[]): readonly KeyId[] {
    const kept = new Map<KeyId, KeyId>()
    for (const id of ids) {
        const key = keys.get(id)
        const canonical = key === undefined ? id : canonicalKeyIdOf(key)
        // The bare form, where there is one: whoever signs as a certificate signs as the bare key too.
        if (!kept.has(canonical) || id === canonical) kept.set(canonical, id)
    }
    return [...kept.values()]
}

/** Whether two documents' delegations say the same, in whatever order. */
export function sameDelegations(a: Delegations, b: Delegations): boolean {
    return describe(a) === describe(b)
}

function describe({ keys, roles }: Delegations): string {
    const lines = roles.map(({ name, threshold, keyIds, paths }) =>
        JSON.stringify([name, threshold, [...keyIds].sort(), [...paths].sort()]),
    )
    return JSON.stringify([[...keys.keys()].sort(), lines.sort()])
}
