import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIds,
    type KeyId,
    keyNeeds,
    type MetadataFile,
    parseFile,
    parseKeyId,
    parseRoleName,
    type RepositoryInUse,
    ROOT,
    type RoleName,
} from "../../tuf/index.ts"
import type { Daemon, DaemonKeyNeed, DaemonRepository } from "../daemon-types.ts"
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
    const known = await daemon.showTrust(gun)
    const files = await servedFiles(session, known)
    const waiting = known.outbox === 0 ? [] : (await daemon.outbox(gun)).map((file) => parseFile(file.content, parseRoleName(file.role)))
    const keys = await daemon.listKeys({ gun, includeRemoved: true })
    const gone = new Set(keys.flatMap(({ id, state }) => (state === "removed" ? [id] : [])))
    const inUse = repositoryInUse(session, files, waiting, markVersion(known, ROOT))
    const explained: ExplainedKey[] = []
    const ours = keys.filter(
        ({ state, bindings }) => state !== "removed" && bindings.some((place) => place.gun === gun && place.role === role),
    )
    const ids = new Set<string>([...everIn(role, inUse), ...ours.map(({ id }) => id)])
    for (const id of ids) {
        const here = keys.find((key) => key.id === id && key.state !== "removed")
        // Of a key that is here the daemon knows more: other places it counts in, and every root it has seen.
        const needs = here === undefined ? keyNeeds(parseKeyId(id), [inUse], { gone }) : (await daemon.getKey(id)).needs
        const told = needs.filter((need) => need.gun !== gun || need.role === role)
        explained.push(explain(id, here?.home ?? "", told))
    }
    if (options.json === true) cli.output.json({ gun, role, keys: explained })
    else print(session, role, explained)
}

/** On the day the server is gone too, what the daemon has is better than nothing. */
async function servedFiles(session: TrustSession, known: DaemonRepository): Promise<readonly MetadataFile[]> {
    try {
        return (await session.fetchToTakeIn()).files
    } catch (error) {
        if (!(error instanceof TrustkeyError) || known.documents.length === 0) throw error
        session.cli.output.warn(
            `the server's roots can't be used (${error.message}): of keys that are not here only what the newest root says is known`,
        )
        return known.documents.map(({ role, content }) => parseFile(content, parseRoleName(role)))
    }
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
    const take = (more: readonly KeyId[]): void => {
        for (const id of more) ids.add(id)
    }
    for (const { document } of [...roots.map(({ signed }) => signed), ...targets]) {
        if (document.type === "root")
            for (const [name, { keyIds }] of document.roles) if (name === role) take(canonicalKeyIds(document.keys, keyIds))
        if (document.type === "targets")
            for (const { name, keyIds } of document.delegations.roles)
                if (name === role) take(canonicalKeyIds(document.delegations.keys, keyIds))
    }
    return [...ids]
}

function explain(id: string, home: string, told: readonly DaemonKeyNeed[]): ExplainedKey {
    const needs = told.map(({ gun, role, kind, needed, text }) => ({ gun, role, kind, needed, text }))
    return { id, home, needed: needs.some(({ needed }) => needed), needs }
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
