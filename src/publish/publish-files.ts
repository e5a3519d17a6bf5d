import { sha256 } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { type Gun, isExpired, type MetadataFile, parseFile } from "../tuf/index.ts"
import { type CurrentRepository, type FetchOptions, fetchRepository } from "./fetch-repository.ts"
import type { TrustCache } from "./trust-cache.ts"
import type { TrustPins } from "./trust-pins.ts"
import type { PublishedFile, TrustServer } from "./trust-server.ts"

export type PublishOptions = {
    /** A root known from elsewhere, to verify what is served from. */
    readonly trusted?: MetadataFile
    readonly pins?: TrustPins
}

const MAX_FILES = 1024

/**
 * Send files and see that the server gives out exactly these bytes: it answers 200 to files it will never be able to serve. What is served is
 * verified as for anybody else, so the answer is also the repository as it is now. Files sent before are no mistake.
 *
 * @throws publish_unconfirmed: the server took the files and serves something else, nothing that can be verified, or nothing at all
 * @throws server_refused, server_unreachable, server_error, login_needed: not taken, as far as could be found out
 */
export async function publishFiles(
    server: TrustServer,
    gun: Gun,
    files: readonly PublishedFile[],
    cache: TrustCache,
    now: Date,
    options: PublishOptions = {},
): Promise<CurrentRepository> {
    const sent = parseSent(files)
    const trusted = options.trusted ?? (await firstTrust(cache, gun, sent))
    const readBack = async (): Promise<CurrentRepository> =>
        await confirm(server, gun, sent, cache, now, { ...options, ...(trusted === undefined ? {} : { trusted }) })
    try {
        await server.post(gun, files)
    } catch (error) {
        if (error instanceof TrustkeyError && error.code === "login_needed") throw error
        // The answer may be lost, or the files may be there from an earlier try: what is served decides.
        const current = await readBack().catch(() => undefined)
        if (current === undefined) throw error
        return current
    }
    return await readBack()
}

/** @throws invalid_request, metadata_rejected, payload_too_large */
function parseSent(files: readonly PublishedFile[]): readonly MetadataFile[] {
    if (files.length === 0 || files.length > MAX_FILES)
        throw new TrustkeyError("invalid_request", `between 1 and ${MAX_FILES} files can be published`)
    if (new Set(files.map(({ role }) => role)).size < files.length)
        throw new TrustkeyError("invalid_request", "a role stands in the set twice")
    if (files.some(({ role }) => role === "timestamp")) throw new TrustkeyError("invalid_request", "the timestamp is the server's to make")
    return files.map(({ role, content }) => parseFile(content, role))
}

/** The very first publication: nobody has seen a root yet, and the one just made is as trusted as any. */
async function firstTrust(cache: TrustCache, gun: Gun, sent: readonly MetadataFile[]): Promise<MetadataFile | undefined> {
    const root = sent.find(({ role }) => role === "root")
    return root === undefined || (await cache.read(gun, root.role)) !== undefined ? undefined : root
}

async function confirm(
    server: TrustServer,
    gun: Gun,
    sent: readonly MetadataFile[],
    cache: TrustCache,
    now: Date,
    options: PublishOptions,
): Promise<CurrentRepository> {
    // What is expired beside our files doesn't make them less published.
    const fetching: FetchOptions = { ...options, withoutCache: true, ignoreExpiry: true }
    const current = await fetchRepository(server, gun, cache, now, fetching).catch((error: unknown) => {
        if (error instanceof TrustkeyError && UNCONFIRMED.includes(error.code)) {
            throw new TrustkeyError(
                "publish_unconfirmed",
                `${server.url} took the files, but what it serves now can't be confirmed: ${error.message}`,
                { cause: error },
            )
        }
        throw error
    })
    if (current === undefined) throw new TrustkeyError("publish_unconfirmed", `${server.url} took the files and serves none`)
    const problems: string[] = []
    for (const file of sent) {
        const problem = await difference(server, gun, file, current)
        if (problem !== undefined) problems.push(problem)
    }
    if (problems.length > 0) throw new TrustkeyError("publish_unconfirmed", `${server.url} took the files, but ${problems.join("; ")}`)
    return { ...current, warnings: [...current.warnings, ...expired(current, now)] }
}

function expired({ verified }: CurrentRepository, now: Date): readonly string[] {
    return [verified.root, verified.targets, verified.snapshot, verified.timestamp]
        .filter(({ signed }) => isExpired(signed, now))
        .map(
            ({ role, signed }) =>
                `${role} expired on ${signed.document.expires.toISOString()}: nobody can use the repository until it is renewed`,
        )
}

// Also that it can't be asked: it took the files, and nobody knows what became of them.
const UNCONFIRMED: readonly string[] = [
    "verification_failed",
    "rollback_detected",
    "metadata_expired",
    "no_trust_data",
    "pin_mismatch",
    "not_pinned",
    "server_unreachable",
    "server_refused",
    "server_error",
    "login_needed",
]

async function difference(server: TrustServer, gun: Gun, file: MetadataFile, current: CurrentRepository): Promise<string | undefined> {
    const served = current.files.findLast(({ role }) => role === file.role)
    const version = file.signed.document.version
    if (served === undefined) return `it does not serve ${file.role}`
    if (Buffer.from(served.content).equals(file.content)) return undefined
    const servedVersion = served.signed.document.version
    if (servedVersion === version) return `it serves other bytes as ${file.role} version ${version}`
    if (servedVersion < version) return `it serves ${file.role} version ${servedVersion} instead of ${version}`
    // Somebody published after us. Then ours is still kept under its hash.
    const kept = await server.get(gun, `${file.role}.${sha256(file.content).toString("hex")}`, file.content.length)
    if (kept?.equals(file.content)) return undefined
    return `it serves ${file.role} version ${servedVersion}, and version ${version} is nowhere`
}
