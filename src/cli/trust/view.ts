import type { CurrentRepository } from "../../publish/index.ts"
import { canonicalKeyIds, parentOf, TARGETS, type TrustedTarget, trustedTargets, type VerifiedRepository } from "../../tuf/index.ts"
import { rootDocumentOf, targetsDocumentOf } from "./build-update.ts"
import type { DockerRepository, DockerSigner, DockerTag } from "./docker-inspect.ts"
import { naturally } from "./natural-order.ts"

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
    return {
        signedTags: tagRows(verified, tag).map(tagView),
        signers: signersOf(verified)
            .map(({ name, keyIds }) => ({ name, keyIds: [...keyIds].sort() }))
            .sort((a, b) => naturally(a.name, b.name)),
        administrativeKeys: {
            root: [...(root.roles.get("root")?.keyIds ?? [])].sort(),
            repository: [...(root.roles.get("targets")?.keyIds ?? [])].sort(),
        },
        roles: roleViews(verified),
        warnings: current.warnings,
    }
}

type TagRow = DockerTag & { readonly size: number; readonly roles: readonly string[] }

/**
 * A tag counts when targets or targets/releases has it: that is what a pull trusts. Its signers are the other delegations with the
 * same digest. A tag with one digest in targets and another in releases stands there twice, that of releases, which is pulled, first.
 */
function tagRows(verified: VerifiedRepository, tag: string | undefined): readonly TagRow[] {
    const found = trustedTargets(verified).filter(({ name }) => tag === undefined || name === tag)
    const rows = new Map<string, { target: TrustedTarget; signers: Set<string>; roles: Set<string> }>()
    const keyOf = (target: TrustedTarget): string => `${digestOf(target)} ${target.name}`
    for (const role of [RELEASES, TARGETS]) {
        for (const target of found.filter((each) => each.role === role)) {
            if (!rows.has(keyOf(target))) rows.set(keyOf(target), { target, signers: new Set(), roles: new Set() })
        }
    }
    for (const target of [...found].sort((a, b) => depthOf(a.role) - depthOf(b.role))) {
        const row = rows.get(keyOf(target))
        row?.roles.add(target.role)
        if (target.role !== TARGETS && target.role !== RELEASES) row?.signers.add(signerName(target.role))
    }
    return [...rows.values()]
        .map(({ target, signers, roles }) => ({
            tag: target.name,
            digest: digestOf(target),
            size: target.meta.length,
            signers: [...signers],
            roles: [...roles],
        }))
        .sort((a, b) => naturally(a.tag, b.tag))
}

function tagView({ signers, digest, ...row }: TagRow): TagView {
    return {
        ...row,
        digest: digest === "" ? "none" : `sha256:${digest}`,
        signers: signers.length === 0 ? ["Repo Admin"] : [...signers].sort(naturally),
    }
}

/** Every delegation but releases, by level, each level in the order of the metadata. */
function signersOf(verified: VerifiedRepository): readonly DockerSigner[] {
    const found: DockerSigner[] = []
    const waiting = [verified.targets]
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        const { keys, roles } = targetsDocumentOf(file).delegations
        for (const { name, keyIds } of roles) {
            if (name !== RELEASES) found.push({ name: signerName(name), keyIds: canonicalKeyIds(keys, keyIds) })
            const child = verified.delegations.get(name)
            if (child !== undefined) waiting.push(child)
        }
    }
    return found
}

/** What `docker trust inspect` shows. `name` is the reference as the user wrote it. */
export function dockerView(current: CurrentRepository, name: string, tag: string | undefined): DockerRepository {
    const { verified } = current
    const root = rootDocumentOf(verified.root)
    const keysOf = (role: "root" | "targets"): readonly string[] => root.roles.get(role)?.keyIds ?? []
    return {
        name,
        signedTags: tagRows(verified, tag),
        signers: signersOf(verified),
        administrativeKeys: { root: keysOf("root"), repository: keysOf("targets") },
    }
}

function signerName(role: string): string {
    return role.slice("targets/".length)
}

function depthOf(role: string): number {
    return role.split("/").length
}

/** Hex; empty when the target has none. */
function digestOf(target: TrustedTarget): string {
    const hash = target.meta.hashes.get("sha256")
    return hash === undefined ? "" : Buffer.from(hash).toString("hex")
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
            keyIds: [...canonicalKeyIds(root.keys, keyRole?.keyIds)].sort(),
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
            keyIds: [...canonicalKeyIds(delegations?.keys ?? new Map(), keyRole?.keyIds)].sort(),
        }
    })
    return [...base, ...below]
}
