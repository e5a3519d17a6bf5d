import type { CurrentRepository } from "../../publish/index.ts"
import {
    canonicalKeyIdOf,
    isDelegation,
    type KeyId,
    parentOf,
    TARGETS,
    type TrustedTarget,
    type TufKey,
    trustedTargets,
    type VerifiedRepository,
} from "../../tuf/index.ts"
import { rootDocumentOf, targetsDocumentOf } from "./build-update.ts"

const RELEASES = "targets/releases"

export type TagView = {
    readonly tag: string
    readonly digest: string
    readonly size: number
    readonly signers: readonly string[]
    readonly roles: readonly string[]
}
export type SignerView = { readonly name: string; readonly keyIds: readonly string[] }
export type RoleView = {
    readonly role: string
    readonly version: number
    readonly expires: string
    readonly threshold: number
    readonly keyIds: readonly string[]
}

export type RepositoryView = {
    readonly signedTags: readonly TagView[]
    readonly signers: readonly SignerView[]
    /** As docker shows them: for root the IDs of the certificates. */
    readonly administrativeKeys: { readonly root: readonly string[]; readonly repository: readonly string[] }
    readonly roles: readonly RoleView[]
    readonly warnings: readonly string[]
}

/** What docker shows of a repository, and what else a keeper of keys wants to see. `tag` undefined: all. */
export function viewOf(current: CurrentRepository, tag: string | undefined): RepositoryView {
    const { verified } = current
    const root = rootDocumentOf(verified.root)
    const targets = targetsDocumentOf(verified.targets)
    return {
        signedTags: signedTags(trustedTargets(verified).filter(({ name }) => tag === undefined || name === tag)),
        signers: targets.delegations.roles
            .filter(({ name }) => name !== RELEASES)
            .map(({ name, keyIds }) => ({ name: name.slice("targets/".length), keyIds: canonicalIds(targets.delegations.keys, keyIds) }))
            .sort((a, b) => naturally(a.name, b.name)),
        administrativeKeys: {
            root: [...(root.roles.get("root")?.keyIds ?? [])].sort(),
            repository: [...(root.roles.get("targets")?.keyIds ?? [])].sort(),
        },
        roles: roleViews(verified),
        warnings: current.warnings,
    }
}

/**
 * A tag counts when targets or targets/releases has it: that is what a pull trusts. Its signers are the other delegations with the
 * same digest; docker says "Repo Admin" where there is none.
 */
function signedTags(found: readonly TrustedTarget[]): readonly TagView[] {
    const direct = found.filter(({ role }) => !isDelegation(role) || parentOf(role) === TARGETS)
    const views = new Map<string, { view: TagView; signers: Set<string>; roles: Set<string> }>()
    const keyOf = (target: TrustedTarget): string => `${digestOf(target)} ${target.name}`
    for (const target of direct) {
        if (target.role !== TARGETS && target.role !== RELEASES) continue
        const view = { tag: target.name, digest: digestOf(target), size: target.meta.length, signers: [], roles: [] }
        if (!views.has(keyOf(target))) views.set(keyOf(target), { view, signers: new Set(), roles: new Set() })
    }
    for (const target of direct) {
        const row = views.get(keyOf(target))
        row?.roles.add(target.role)
        if (target.role !== TARGETS && target.role !== RELEASES) row?.signers.add(target.role.slice("targets/".length))
    }
    return [...views.values()]
        .map(({ view, signers, roles }) => ({
            ...view,
            signers: signers.size === 0 ? ["Repo Admin"] : [...signers].sort(naturally),
            roles: [...roles],
        }))
        .sort((a, b) => naturally(a.tag, b.tag))
}

function digestOf(target: TrustedTarget): string {
    const hash = target.meta.hashes.get("sha256")
    return hash === undefined ? "none" : `sha256:${Buffer.from(hash).toString("hex")}`
}

function canonicalIds(keys: ReadonlyMap<KeyId, TufKey>, ids: readonly KeyId[]): readonly string[] {
    const found = ids.flatMap((id) => {
        const key = keys.get(id)
        return key === undefined ? [] : [canonicalKeyIdOf(key)]
    })
    return [...new Set(found)].sort()
}

function roleViews(verified: VerifiedRepository): readonly RoleView[] {
    const root = rootDocumentOf(verified.root)
    const base = [verified.root, verified.targets, verified.snapshot, verified.timestamp].map(({ role, signed }) => {
        const keyRole = [...root.roles].find(([name]) => name === role)?.[1]
        return {
            role,
            version: signed.document.version,
            expires: signed.document.expires.toISOString(),
            threshold: keyRole?.threshold ?? 0,
            keyIds: canonicalIds(root.keys, keyRole?.keyIds ?? []),
        }
    })
    const below = [...verified.delegations.values()].map(({ role, signed }) => {
        const parent = parentOf(role)
        const file = parent === TARGETS ? verified.targets : parent === undefined ? undefined : verified.delegations.get(parent)
        const delegations = file === undefined ? undefined : targetsDocumentOf(file).delegations
        const keyRole = delegations?.roles.find(({ name }) => name === role)
        return {
            role,
            version: signed.document.version,
            expires: signed.document.expires.toISOString(),
            threshold: keyRole?.threshold ?? 0,
            keyIds: canonicalIds(delegations?.keys ?? new Map(), keyRole?.keyIds ?? []),
        }
    })
    return [...base, ...below]
}

const COLLATOR = new Intl.Collator("en", { numeric: true })

/** v2 before v10. */
function naturally(a: string, b: string): number {
    return COLLATOR.compare(a, b)
}
