import { TrustkeyError } from "../errors.ts"
import type { Mark } from "../journal/index.ts"
import type { Principal } from "../policy/index.ts"
import { type Gun, type MetadataFile, parseFile, ROOT, type RoleName, verifyRepository } from "../tuf/index.ts"
import { requireSeeing } from "./places.ts"
import { recorded } from "./recorded.ts"
import type { Rooms } from "./rooms.ts"

/** One metadata file as it came over the wire. A root chain is several files of role root. */
export type RawFile = { readonly role: RoleName; readonly content: Uint8Array }

const MOST_FILES = 4096
const MOST_BYTES = 64 * 1024 * 1024

export async function observe(
    rooms: Rooms,
    principal: Principal,
    request: { readonly gun: Gun; readonly files: readonly RawFile[] },
): Promise<{ readonly marks: ReadonlyMap<RoleName, Mark>; readonly published: readonly RoleName[] }> {
    return await recorded(rooms, principal, "observe", { gun: request.gun }, async () => {
        requireSeeing(rooms, principal, request.gun)
        const published = await present(rooms, request.gun, request.files)
        return { marks: rooms.journal.repository(request.gun)?.marks ?? new Map(), published }
    })
}

/** The operations that only read leave no record: nothing changed, and a record each would let a reader fill the disk. */
export function outbox(rooms: Rooms, principal: Principal, request: { readonly gun: Gun }): readonly RawFile[] {
    requireSeeing(rooms, principal, request.gun)
    return (rooms.journal.repository(request.gun)?.outbox ?? []).map(({ role, content }) => ({ role, content }))
}

/**
 * Verify what is published from the newest root seen published (or, before the first publication, from our own root version 1)
 * and raise the marks with it (TK-JRN-4). Expired files raise marks like any others: they were signed and published.
 *
 * @returns the roles that left the outbox
 */
export async function present(rooms: Rooms, gun: Gun, raw: readonly RawFile[]): Promise<readonly RoleName[]> {
    const repository = rooms.journal.repository(gun)
    if (repository === undefined || repository.state !== "active") {
        throw new TrustkeyError("repository_unknown", `${gun} is not known here: take it in with trust adopt`)
    }
    const publishedRoot = repository.published.get(ROOT)?.version ?? 0
    const trusted = repository.roots.find((root) => root.signed.document.version === Math.max(publishedRoot, 1))
    if (trusted === undefined) throw new TrustkeyError("repository_unknown", `${gun} has no complete root yet`)
    const files = sorted(parseFiles(raw))
    for (const root of files.roots) {
        const version = root.signed.document.version
        const ours = repository.roots.find((known) => known.signed.document.version === version)
        if (version <= trusted.signed.document.version && ours?.signed.sha256 !== root.signed.sha256) {
            throw new TrustkeyError("verification_failed", `root version ${version} is served with other content than we trust`)
        }
    }
    const newer = files.roots.filter((root) => root.signed.document.version > trusted.signed.document.version)
    // The first root may be published with other holders' signatures than in our outbox: then that is the file snapshots name.
    const served = files.roots.find((root) => root.signed.document.version === trusted.signed.document.version)
    const chain = publishedRoot === 0 ? [served ?? trusted, ...newer] : newer
    const verified = verifyRepository(trusted, { ...files, roots: chain }, gun, rooms.now(), { ignoreExpiry: true })
    return await rooms.journal.observe(gun, [...chain, ...verifiedFiles(verified)])
}

/** @throws invalid_request, payload_too_large, metadata_rejected */
export function parseFiles(raw: readonly RawFile[]): readonly MetadataFile[] {
    if (raw.length > MOST_FILES) throw new TrustkeyError("payload_too_large", `at most ${MOST_FILES} files at a time`)
    if (raw.reduce((sum, file) => sum + file.content.length, 0) > MOST_BYTES)
        throw new TrustkeyError("payload_too_large", `at most ${MOST_BYTES} bytes at a time`)
    return raw.map((file) => parseFile(file.content, file.role))
}

/** Files by role; of the roots, all, oldest first. @throws invalid_request when a role, or a version of root, stands there twice. */
export function sorted(files: readonly MetadataFile[]): {
    readonly roots: readonly MetadataFile[]
    readonly timestamp?: MetadataFile
    readonly snapshot?: MetadataFile
    readonly targets?: MetadataFile
    readonly delegations: readonly MetadataFile[]
} {
    const rest = files.filter((file) => file.role !== "root")
    if (new Set(rest.map((file) => file.role)).size !== rest.length)
        throw new TrustkeyError("invalid_request", "a role stands in the set twice")
    const roots = files.filter((file) => file.role === "root").sort((a, b) => a.signed.document.version - b.signed.document.version)
    // One version in two spellings would verify, and only one of them could be kept.
    if (new Set(roots.map((root) => root.signed.document.version)).size !== roots.length)
        throw new TrustkeyError("invalid_request", "a version of root stands in the set twice")
    const one = (role: "timestamp" | "snapshot" | "targets"): { [key in typeof role]?: MetadataFile } => {
        const file = rest.find((candidate) => candidate.role === role)
        return file === undefined ? {} : { [role]: file }
    }
    return {
        roots,
        ...one("timestamp"),
        ...one("snapshot"),
        ...one("targets"),
        delegations: rest.filter((file) => file.role.startsWith("targets/")),
    }
}

/** What was verified, but for the roots. */
export function verifiedFiles(verified: ReturnType<typeof verifyRepository>): readonly MetadataFile[] {
    const { timestamp, snapshot, targets, delegations } = verified
    return [timestamp, snapshot, targets, ...delegations.values()].filter((file) => file !== undefined)
}
