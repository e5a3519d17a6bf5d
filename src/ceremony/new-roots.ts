import {
    type BaseRole,
    canonicalKeyIdOf,
    diffMetadata,
    encodeRoot,
    type KeyId,
    type KeyRole,
    keyIdOf,
    nextRoot,
    parseSigned,
    ROOT,
    type RootDocument,
    type SignedMetadata,
    type TufKey,
} from "../tuf/index.ts"
import { rootDocument, rootKeysOf } from "./chain.ts"
import { reading, refuse } from "./fault.ts"
import type { PlannedKey } from "./plan.ts"
import { type CeremonyState, continuesRoot } from "./state.ts"

/** The TUF key of `key` in a repository's root: the certificate it has there, or the one it brought. undefined: neither, so far. */
export function tufKeyOf(state: CeremonyState, key: PlannedKey, repository: number): TufKey | undefined {
    if (key.change === "new" || key.change === "added") return state.shown.get(key.name)?.certificates[repository]
    const newest = state.chains[repository]?.at(-1)
    return newest === undefined ? undefined : rootKeysOf(rootDocument(newest)).get(key.id)
}

/**
 * The new root of each repository. It follows from the plan, the published roots and the certificates alone: whoever has these builds the same bytes.
 *
 * @throws Fault while a key is missing, or for what we would not sign
 */
export function newRoots(state: CeremonyState): readonly SignedMetadata[] {
    return state.plan.repositories.map(({ gun }, repository) =>
        reading(`the new root of ${gun}`, () => parseSigned(encodeRoot(newRoot(state, repository)), ROOT)),
    )
}

function newRoot(state: CeremonyState, repository: number): RootDocument {
    const { plan } = state
    const staying = plan.keys.filter(({ change }) => change === "new" || change === "added" || change === "kept")
    const keys = staying.map((key) => tufKeyOf(state, key, repository) ?? refuse(`key ${key.name} is not here yet`))
    const rootKeys = { keys: keys.toSorted((left, right) => (keyIdOf(left) < keyIdOf(right) ? -1 : 1)), threshold: plan.threshold }
    const newest = state.chains[repository]?.at(-1)
    if (!continuesRoot(state)) return firstRoot(state, repository, rootKeys)
    if (newest === undefined) return refuse("there is no published root to follow")
    return nextRoot(rootDocument(newest), { rootKeys, expires: plan.expires })
}

function firstRoot(
    { plan }: CeremonyState,
    repository: number,
    rootKeys: { readonly keys: readonly TufKey[]; readonly threshold: number },
): RootDocument {
    const keys = new Map<KeyId, TufKey>()
    const roles = new Map<BaseRole, KeyRole>()
    const give = (role: BaseRole, given: readonly TufKey[], threshold: number): void => {
        for (const key of given) keys.set(keyIdOf(key), key)
        roles.set(role, { keyIds: given.map(keyIdOf), threshold })
    }
    give("root", rootKeys.keys, rootKeys.threshold)
    for (const [role, key] of plan.repositories[repository]?.roles ?? []) give(role, [key], 1)
    // Two roles with one key would be one role; a root key in two forms would count twice.
    if (new Set([...keys.values()].map(canonicalKeyIdOf)).size < keys.size) refuse("a key stands in it twice")
    return { type: "root", version: 1, expires: plan.expires, keys, roles, consistentSnapshot: false }
}

/**
 * What people are shown of the change, as it is hashed to the code that they compare: the repository, the role, the hash of what is signed, and a
 * line for each difference. The hash of these bytes is differenceCode's.
 */
export function differenceOf(state: CeremonyState, root: SignedMetadata, repository: number): Buffer {
    const previous = continuesRoot(state) ? state.chains[repository]?.at(-1)?.signed : undefined
    const gun = state.plan.repositories[repository]?.gun ?? refuse("there is no such repository")
    const lines = [gun, ROOT, root.sha256, ...diffMetadata(previous, root)]
    return Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8")
}
