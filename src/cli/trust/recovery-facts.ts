import { TrustkeyError } from "../../errors.ts"
import {
    canonicalKeyIdOf,
    type MetadataFile,
    parseFile,
    parseRoleName,
    type RootDocument,
    readableKeyId,
    type TargetsDocument,
} from "../../tuf/index.ts"
import type { Daemon, DaemonKey, DaemonRepository } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import type { RecoveryFacts } from "./plan-recovery.ts"
import type { TrustSession } from "./session.ts"

/** Looks everywhere, changes nothing, and bears what is missing: that is why somebody looks. @throws no_trust_data, not_found */
export async function recoveryFacts(session: TrustSession, daemon: Daemon, lost: readonly string[]): Promise<RecoveryFacts> {
    const { gun } = session
    const known = await daemon.showTrust(gun)
    const [files, keys] = await Promise.all([newestFiles(session, known), daemon.listKeys({ gun, includeRemoved: true })])
    const root = files
        .flatMap(({ signed }) => (signed.document.type === "root" ? [signed.document] : []))
        .sort(byVersion)
        .at(-1)
    if (root === undefined) throw new TrustkeyError("no_trust_data", `neither ${session.server.url} nor the daemon has a root of ${gun}`)
    const delegators = files.flatMap(({ signed }): TargetsDocument[] => (signed.document.type === "targets" ? [signed.document] : []))
    const server = { timestamp: await serverKey(session, "timestamp"), snapshot: await serverKey(session, "snapshot") }
    return { gun, root, delegators, keys, lost: lostIds(root, delegators, keys, lost), server }
}

async function newestFiles(session: TrustSession, known: DaemonRepository): Promise<readonly MetadataFile[]> {
    try {
        return (await session.fetchToTakeIn()).files
    } catch (error) {
        if (!(error instanceof TrustkeyError) || known.documents.length === 0) throw error
        session.cli.output.warn(`what the server has can't be used (${error.message}): this is what the daemon saw last`)
        return known.documents.map(({ role, content }) => parseFile(content, parseRoleName(role)))
    }
}

/** Where the server has none it makes one, which counts for nothing. */
async function serverKey({ cli, gun, server }: TrustSession, role: "timestamp" | "snapshot"): Promise<string | undefined> {
    try {
        return canonicalKeyIdOf(await server.key(gun, role))
    } catch (error) {
        if (!(error instanceof TrustkeyError)) throw error
        cli.output.warn(`whether the server has its ${role} key can't be said: ${error.message}`)
        return undefined
    }
}

function byVersion(a: RootDocument, b: RootDocument): number {
    return a.version - b.version
}

/** By ID or its first digits, of keys that are here or are named by the metadata. @throws not_found */
function lostIds(
    root: RootDocument,
    delegators: readonly TargetsDocument[],
    keys: readonly DaemonKey[],
    given: readonly string[],
): ReadonlySet<string> {
    const named = [root, ...delegators.map(({ delegations }) => delegations)].flatMap((holder) => [...holder.keys.values()])
    const ids = new Set([...keys.map(({ id }) => id), ...named.flatMap((key) => readableKeyId(key) ?? [])])
    return new Set(
        given.map((text) => {
            const [only, ...more] = [...ids].filter((id) => id.startsWith(text))
            if (only === undefined || more.length > 0 || text.length < MIN_DIGITS)
                throw new TrustkeyError("not_found", `${shortId(text)} is not a key of this repository, or more than one begins so`)
            return only
        }),
    )
}

const MIN_DIGITS = 7
