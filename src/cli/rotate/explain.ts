import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    type KeyId,
    keyNeeds,
    type MetadataFile,
    parseFile,
    parseRoleName,
    type RepositoryInUse,
    ROOT,
    type RoleName,
    type TufKey,
} from "../../tuf/index.ts"
import type { Daemon, DaemonKey, DaemonKeyNeed } from "../daemon-types.ts"
import { needText } from "../key-needs.ts"
import { printable, shortId } from "../output.ts"
import { markVersion, type TrustSession } from "../trust/session.ts"

export type ExplainedKey = {
    readonly id: string
    /** Where the daemon has it; empty: it is another holder's, a server's, or removed here. */
    readonly home: string
    readonly needed: boolean
    readonly needs: readonly DaemonKeyNeed[]
}

/**
 * `--explain`: for every key that ever stood in `role`, who still needs it. From the whole root chain as the server has it; of a key that is
 * here the daemon is asked too, who knows its other repositories.
 *
 * @throws no_trust_data, and what fetching throws
 */
export async function explainOldKeys(
    session: TrustSession,
    daemon: Daemon,
    role: RoleName,
    options: { readonly json?: boolean },
): Promise<void> {
    const { cli, gun } = session
    const { files } = await session.fetchToTakeIn()
    const known = await daemon.showTrust(gun)
    const waiting = known.outbox === 0 ? [] : (await daemon.outbox(gun)).map((file) => parseFile(file.content, parseRoleName(file.role)))
    const keys = await daemon.listKeys({ gun, includeRemoved: true })
    const gone = new Set(keys.flatMap(({ id, state }) => (state === "removed" ? [id] : [])))
    const inUse = repositoryInUse(session, files, waiting, markVersion(known, ROOT))
    const explained: ExplainedKey[] = []
    for (const id of everIn(role, inUse)) {
        const own = keyNeeds(id, [inUse], { gone }).filter((need) => need.role === role)
        const here = keys.find((key) => key.id === id && key.state !== "removed")
        explained.push(explain(id, here, own, here === undefined ? [] : await elsewhere(daemon, here, session)))
    }
    if (options.json === true) cli.output.json({ gun, role, keys: explained })
    else print(session, role, explained)
}

function repositoryInUse(
    { gun }: TrustSession,
    files: readonly MetadataFile[],
    waiting: readonly MetadataFile[],
    promised = 0,
): RepositoryInUse {
    const isRoot = ({ role }: MetadataFile): boolean => role === ROOT
    const served = files.filter(isRoot).sort(byVersion)
    const published = served.at(-1)?.signed.document.version ?? 0
    const roots = [
        ...served,
        ...waiting
            .filter(isRoot)
            .filter(({ signed }) => signed.document.version > published)
            .sort(byVersion),
    ]
    return { gun, roots, published, promised: Math.max(promised, published), targets: [...files, ...waiting].map(({ signed }) => signed) }
}

function byVersion(a: MetadataFile, b: MetadataFile): number {
    return a.signed.document.version - b.signed.document.version
}

/** Canonical IDs, in the order they came. */
function everIn(role: RoleName, { roots, targets }: RepositoryInUse): readonly KeyId[] {
    const ids = new Set<KeyId>()
    for (const { document } of [...roots.map(({ signed }) => signed), ...targets]) {
        if (document.type === "root")
            for (const [name, { keyIds }] of document.roles) if (name === role) collect(ids, keyIds, document.keys)
        if (document.type === "targets")
            for (const { name, keyIds } of document.delegations.roles) if (name === role) collect(ids, keyIds, document.delegations.keys)
    }
    return [...ids]
}

function collect(into: Set<KeyId>, ids: readonly KeyId[], keys: ReadonlyMap<KeyId, TufKey>): void {
    for (const key of ids.flatMap((id) => keys.get(id) ?? [])) {
        try {
            into.add(canonicalKeyIdOf(key))
        } catch (error) {
            // Others' metadata may list what nobody can read: it is nobody's key.
            if (!(error instanceof TrustkeyError)) throw error
        }
    }
}

/** What the daemon says of the key for other places. */
async function elsewhere(daemon: Daemon, { id }: DaemonKey, { gun }: TrustSession): Promise<readonly DaemonKeyNeed[]> {
    return (await daemon.getKey(id)).needs.filter((need) => need.gun !== gun)
}

function explain(id: KeyId, here: DaemonKey | undefined, own: readonly DaemonKeyNeed[], others: readonly DaemonKeyNeed[]): ExplainedKey {
    const needs = [...own, ...others].map(({ gun, role, kind, needed, text }) => ({ gun, role, kind, needed, text }))
    return { id, home: here?.home ?? "", needed: needs.some(({ needed }) => needed), needs }
}

function print({ cli, gun }: TrustSession, role: RoleName, keys: readonly ExplainedKey[]): void {
    const { output } = cli
    output.line(`Keys of ${role} of ${gun}, the oldest first:`)
    for (const { id, home, needed, needs } of keys) {
        output.line(`${shortId(id)}  ${home === "" ? "not here" : printable(home)}  ${needed ? "still needed" : "no longer needed"}`)
        for (const need of needs) output.line(`  ${need.needed ? "needed by" : "not needed"}  ${printable(needText(need))}`)
    }
    output.note("Only this repository and those of this daemon were looked at. docs/rotation.md says when an old key may be destroyed.")
}
