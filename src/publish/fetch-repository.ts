import { type ErrorCode, TrustkeyError } from "../errors.ts"
import {
    checkRootSuccession,
    type FileMeta,
    fileMatches,
    type Gun,
    type KeyId,
    type MetadataFile,
    parseFile,
    ROOT,
    type RoleName,
    type RootDocument,
    SNAPSHOT,
    TARGETS,
    type TargetsDocument,
    TIMESTAMP,
    type VerifiedRepository,
    verifyRepository,
    verifyRootChain,
    verifyThreshold,
} from "../tuf/index.ts"
import { versionsSeen } from "./seen.ts"
import type { TrustCache } from "./trust-cache.ts"
import { checkPins, type TrustPins } from "./trust-pins.ts"
import type { TrustServer } from "./trust-server.ts"

export type CurrentRepository = {
    readonly verified: VerifiedRepository
    /** The trusted root (or the first taken on faith), then every one after it; with `wholeRootChain` all from version 1. */
    readonly roots: readonly MetadataFile[]
    /** Everything that was fetched: `roots`, timestamp, snapshot, targets, and the delegations, those left out of `verified` included. */
    readonly files: readonly MetadataFile[]
    readonly warnings: readonly string[]
    /** IDs of the root certificates, when the first root was taken on faith: nothing vouched for it but the server. */
    readonly onFaith?: readonly KeyId[]
}

export type FetchOptions = {
    /** Fetch every root from version 1 on. */
    readonly wholeRootChain?: boolean
    /** A root known from elsewhere, to start from instead of the cached one. */
    readonly trusted?: MetadataFile
    /** For whoever is about to renew what has expired. */
    readonly ignoreExpiry?: boolean
    /** Ask the server for every file, also for those the cache holds: it is the server that is to be checked. */
    readonly withoutCache?: boolean
    /** What the roots have to be, cached ones too. Without it the first root met is taken on faith. */
    readonly pins?: TrustPins
    /** Throws for what the caller can't use after all: then nothing of it is kept. */
    readonly accept?: (current: CurrentRepository) => void
    /** A person is about to confirm the first root: faith is not forbidden, and nothing is kept. See keepRepository. */
    readonly unconfirmed?: boolean
}

/** Where files come from, believed in nothing. */
export type MetadataSource = Pick<TrustServer, "url" | "get">

// Notary's own limit for a timestamp; a root has no announced length either.
const MAX_UNANNOUNCED = 1024 * 1024
const MAX_FILE = 16 * 1024 * 1024
const MAX_ALL_FILES = 64 * 1024 * 1024
// One a week for twenty years.
const MAX_ROOTS = 1040
const MAX_DELEGATIONS = 1000

/**
 * The repository as a Notary client must see it (TUF 5.3 to 5.6): from a trusted root (given, cached, or the first one met) root by root to
 * the newest, then timestamp, snapshot by its hash, targets and delegations by theirs; nothing older than what was verified here before. If
 * that fails, the newest root is fetched and all is tried once more. What was verified goes into the cache. Pins are asked every time, so
 * that it makes no difference who has seen the repository before.
 *
 * Undefined: the server has no data, and we never saw any.
 *
 * @throws no_trust_data: it has none, or no timestamp, although there was some
 * @throws not_pinned: nothing vouches for the first root, and `pins` forbid to take it on faith
 * @throws pin_mismatch, verification_failed, rollback_detected, metadata_expired, and what TrustServer and TrustCache throw
 */
export async function fetchRepository(
    server: MetadataSource,
    gun: Gun,
    cache: TrustCache,
    now: Date,
    options: FetchOptions = {},
): Promise<CurrentRepository | undefined> {
    return await asVerification(async () => {
        const cached = await readCachedRoot(cache, gun)
        const anchor = options.trusted ?? cached
        const fetcher = new Fetcher(server, gun, cache, now, options)
        const roots = await fetcher.firstRoots(anchor)
        if (roots === undefined) {
            if (anchor === undefined) return undefined
            throw new TrustkeyError("no_trust_data", `${server.url} has no trust data for ${gun} any more, although it had some before`)
        }
        const onFaith = anchor === undefined && (options.pins?.ruleFor(gun).pins.length ?? 0) === 0
        if (onFaith) checkFaithAllowed(gun, options)
        const current = await fetcher.withRetry(roots, anchor)
        if (cached !== undefined) checkAgainstCachedRoot(cached, current.verified.root)
        options.accept?.(current)
        if (options.unconfirmed !== true) await keepRepository(cache, gun, current)
        return onFaith && options.unconfirmed !== true
            ? { ...current, onFaith: rootOf(current.verified.root).roles.get("root")?.keyIds ?? [] }
            : current
    })
}

/** Into the cache, where the next fetch starts from: what fetchRepository does unless it was told `unconfirmed`. */
export async function keepRepository(cache: TrustCache, gun: Gun, { verified }: CurrentRepository): Promise<void> {
    // The timestamp last: it is what promises all the others.
    const files = [verified.root, ...verified.delegations.values(), verified.targets, verified.snapshot, verified.timestamp]
    for (const { role, content } of files) {
        const before = await cache.read(gun, role)
        if (before === undefined || !before.equals(content)) await cache.write(gun, role, content)
    }
}

function checkFaithAllowed(gun: Gun, options: FetchOptions): void {
    if (options.unconfirmed === true || options.pins?.ruleFor(gun).firstUse !== false) return
    throw new TrustkeyError("not_pinned", `nothing says which root ${gun} has, and trust on first use is forbidden`)
}

class Fetcher {
    readonly #server: MetadataSource
    readonly #gun: Gun
    readonly #cache: TrustCache
    readonly #now: Date
    readonly #options: FetchOptions

    constructor(server: MetadataSource, gun: Gun, cache: TrustCache, now: Date, options: FetchOptions) {
        this.#server = server
        this.#gun = gun
        this.#cache = cache
        this.#now = now
        this.#options = options
    }

    /** The chain to begin with. Undefined: the server has no root, and no timestamp for the anchor either. */
    async firstRoots(anchor: MetadataFile | undefined): Promise<readonly MetadataFile[] | undefined> {
        if (this.#options.wholeRootChain === true) {
            const first = await this.#root("1.root")
            if (first !== undefined) return await this.#walkFrom([first])
            if ((await this.#root("root")) === undefined) return undefined
            throw new TrustkeyError("verification_failed", `${this.#server.url} has a root for ${this.#gun}, but not its version 1`)
        }
        if (anchor !== undefined) return await this.#walkFrom([anchor])
        const newest = await this.#root("root")
        return newest === undefined ? undefined : [newest]
    }

    async withRetry(roots: readonly MetadataFile[], anchor: MetadataFile | undefined): Promise<CurrentRepository> {
        try {
            return await this.#below(roots, anchor)
        } catch (error) {
            if (!isWorthAnotherTry(error)) throw error
            const newer = await this.#newestRoots(roots)
            try {
                return await this.#below(newer, anchor)
            } catch (again) {
                throw await this.#explain(again)
            }
        }
    }

    /** Up to the last root the server has. Each is checked against the one before, so nobody leads us on with what isn't signed. */
    async #walkFrom(start: readonly MetadataFile[]): Promise<readonly MetadataFile[]> {
        const roots = [...start]
        for (let newest = roots.at(-1); newest !== undefined && roots.length <= MAX_ROOTS; ) {
            const next = await this.#root(`${newest.signed.document.version + 1}.root`)
            if (next === undefined) return roots
            checkRootSuccession(newest, next)
            roots.push(next)
            newest = next
        }
        throw new TrustkeyError("verification_failed", `${this.#gun} has more than ${MAX_ROOTS} roots`)
    }

    /** Also from a server that gives out its newest root by name only. */
    async #newestRoots(roots: readonly MetadataFile[]): Promise<readonly MetadataFile[]> {
        const walked = await this.#walkFrom(roots)
        const last = walked.at(-1)
        const named = await this.#root("root")
        if (last === undefined || named === undefined) return walked
        if (named.signed.document.version < last.signed.document.version) {
            throw new TrustkeyError(
                "rollback_detected",
                `root version ${named.signed.document.version} is served as the newest, ${last.signed.document.version} exists`,
            )
        }
        checkSameRoot(last, named)
        if (named.signed.document.version === last.signed.document.version) return walked
        checkRootSuccession(last, named)
        return [...walked, named]
    }

    async #below(roots: readonly MetadataFile[], anchor: MetadataFile | undefined): Promise<CurrentRepository> {
        // The chain comes first: it says whose signatures count for everything after it. Expiry is for the end, a newer root may be on its way.
        // A whole chain stands on its own from version 1 on, and the anchor has to be one of its links.
        const trusted = this.#options.wholeRootChain === true ? undefined : anchor
        const root = verifyRootChain(trusted, roots, this.#gun, this.#now, { ignoreExpiry: true })
        if (anchor !== undefined) checkHolds(roots, anchor)
        await this.#checkPins(roots)
        const keys = rootOf(root)

        const timestamp = await this.#timestamp()
        checkSigned(keys, timestamp)
        const snapshot = await this.#listed(timestamp, SNAPSHOT)
        checkSigned(keys, snapshot)
        const targets = await this.#listed(snapshot, TARGETS)
        checkSigned(keys, targets)
        const delegations = await this.#delegations(snapshot, targets)

        const versions = await versionsSeen(this.#cache, this.#gun, keys, { timestamp, snapshot, targets, delegations })
        const verified = verifyRepository(trusted, { roots, timestamp, snapshot, targets, delegations }, this.#gun, this.#now, {
            versions,
            ...(this.#options.ignoreExpiry === undefined ? {} : { ignoreExpiry: this.#options.ignoreExpiry }),
        })
        return {
            verified,
            roots,
            files: [...roots, timestamp, snapshot, targets, ...delegations],
            warnings: verified.warnings,
        }
    }

    async #checkPins(roots: readonly MetadataFile[]): Promise<void> {
        const { pins, ignoreExpiry } = this.#options
        if (pins === undefined) return
        await checkPins(pins.ruleFor(this.#gun), this.#gun, roots, ignoreExpiry === true ? undefined : this.#now, async () => {
            const first = await this.#root("1.root")
            const chain = first === undefined ? [] : await this.#newestRoots([first])
            // Another chain than the one that leads to our root vouches for nothing.
            const [newest] = roots.slice(-1)
            const end = chain.findIndex(({ signed }) => signed.sha256 === newest?.signed.sha256)
            return chain.slice(0, end + 1)
        })
    }

    async #timestamp(): Promise<MetadataFile> {
        const content = await this.#server.get(this.#gun, "timestamp", MAX_UNANNOUNCED)
        if (content !== undefined) return parseFile(content, TIMESTAMP)
        throw new TrustkeyError("no_trust_data", `${this.#server.url} has no timestamp for ${this.#gun}`)
    }

    /** Parents before children. One without enough signatures leads nowhere; one that has expired does, for those who ignore expiry. */
    async #delegations(snapshot: MetadataFile, targets: MetadataFile): Promise<readonly MetadataFile[]> {
        const listed = metaOf(snapshot)
        const found: MetadataFile[] = []
        let budget = MAX_ALL_FILES
        const waiting: MetadataFile[] = [targets]
        for (let parent = waiting.shift(); parent !== undefined; parent = waiting.shift()) {
            const { keys, roles } = targetsOf(parent).delegations
            const published = roles.filter(({ name }) => listed.has(name))
            for (const { name } of published) budget -= listed.get(name)?.length ?? 0
            // Before the first of them is asked for: a signer must not be able to keep everybody busy.
            if (found.length + published.length > MAX_DELEGATIONS || budget < 0) {
                throw new TrustkeyError("verification_failed", `${this.#gun} has more delegations than we can take`)
            }
            for (const delegation of published) {
                const file = await this.#listed(snapshot, delegation.name)
                found.push(file)
                if (isSigned(() => verifyThreshold(file.signed, file.signatures, keys, delegation))) waiting.push(file)
            }
        }
        return found
    }

    /** The file `by` lists, from the cache if it is there, else from the server by its hash; never a byte more than announced. */
    async #listed(by: MetadataFile, role: RoleName): Promise<MetadataFile> {
        const meta = metaOf(by).get(role)
        if (meta === undefined) throw new TrustkeyError("verification_failed", `the ${by.role} does not list ${role}`)
        const hash = meta.hashes.get("sha256")
        if (hash === undefined) throw new TrustkeyError("verification_failed", `the ${by.role} gives no sha256 for ${role}`)
        if (meta.length > MAX_FILE)
            throw new TrustkeyError("verification_failed", `the ${by.role} announces ${meta.length} bytes for ${role}, too many`)
        const cached = await this.#cached(role, meta)
        if (cached !== undefined) return parseFile(cached, role)
        const content = await this.#server.get(this.#gun, `${role}.${Buffer.from(hash).toString("hex")}`, meta.length)
        if (content === undefined)
            throw new TrustkeyError("verification_failed", `the ${by.role} lists a ${role} that ${this.#server.url} doesn't have`)
        if (!fileMatches(meta, content)) throw new TrustkeyError("verification_failed", `${role} is not the file the ${by.role} lists`)
        return parseFile(content, role)
    }

    async #cached(role: RoleName, meta: FileMeta): Promise<Buffer | undefined> {
        if (this.#options.withoutCache === true) return undefined
        const content = await this.#cache.read(this.#gun, role)
        return content !== undefined && fileMatches(meta, content) ? content : undefined
    }

    async #root(name: string): Promise<MetadataFile | undefined> {
        const content = await this.#server.get(this.#gun, name, MAX_UNANNOUNCED)
        if (content === undefined) return undefined
        const root = parseFile(content, ROOT)
        const asked = /^(\d+)\.root$/.exec(name)?.[1]
        if (asked !== undefined && Number(asked) !== root.signed.document.version) {
            throw new TrustkeyError("verification_failed", `root version ${root.signed.document.version} is served as version ${asked}`)
        }
        return root
    }

    /** A timestamp that isn't there means one thing in a deleted repository and another in a broken one. */
    async #explain(error: unknown): Promise<unknown> {
        if (!(error instanceof TrustkeyError) || error.code !== "no_trust_data") return error
        const root = await this.#server.get(this.#gun, "root", MAX_UNANNOUNCED)
        const message =
            root === undefined
                ? `${this.#server.url} has no trust data for ${this.#gun} any more, although it had some before`
                : `${this.#server.url} has a root for ${this.#gun} but can't give out a timestamp: its last publication is not in the form it needs`
        return new TrustkeyError("no_trust_data", message, { cause: error })
    }
}

/** Refusals of the data are; a server that can't be reached, or wants a login, will not change its mind. */
const WORTH_ANOTHER_TRY: readonly ErrorCode[] = [
    "verification_failed",
    "rollback_detected",
    "metadata_expired",
    "no_trust_data",
    "metadata_rejected",
    "payload_too_large",
    "root_rejected",
    "pin_mismatch",
]

function isWorthAnotherTry(error: unknown): boolean {
    return error instanceof TrustkeyError && WORTH_ANOTHER_TRY.includes(error.code)
}

/** What can't be read or isn't well formed is, coming from a server, something that can't be verified. */
async function asVerification<T>(work: () => Promise<T>): Promise<T> {
    try {
        return await work()
    } catch (error) {
        if (error instanceof TrustkeyError && ["metadata_rejected", "payload_too_large", "root_rejected"].includes(error.code)) {
            throw new TrustkeyError("verification_failed", error.message, { cause: error })
        }
        throw error
    }
}

/** A damaged cached root is no reason to trust the next best one. @throws verification_failed */
async function readCachedRoot(cache: TrustCache, gun: Gun): Promise<MetadataFile | undefined> {
    const content = await cache.read(gun, ROOT)
    if (content === undefined) return undefined
    try {
        return parseFile(content, ROOT)
    } catch (error) {
        const message = `the cached root of ${gun} can't be read; remove its directory under the trust directory to trust the server's root anew`
        throw new TrustkeyError("verification_failed", message, { cause: error })
    }
}

function checkHolds(roots: readonly MetadataFile[], anchor: MetadataFile): void {
    for (const root of roots) checkSameRoot(anchor, root)
    const [before, after] = [anchor.signed.document.version, roots.at(-1)?.signed.document.version ?? 0]
    if (after >= before) return
    throw new TrustkeyError("rollback_detected", `the newest root has version ${after}, ${before} is already trusted`)
}

function checkSameRoot(trusted: MetadataFile, root: MetadataFile): void {
    if (trusted.signed.document.version !== root.signed.document.version || trusted.signed.sha256 === root.signed.sha256) return
    throw new TrustkeyError(
        "verification_failed",
        `root version ${root.signed.document.version} is served with other content than we trust`,
    )
}

/** Where the caller's root was the anchor, the cached one may still know of a newer root of the same owner. */
function checkAgainstCachedRoot(cached: MetadataFile, newest: MetadataFile): void {
    const owners = new Set(rootOf(newest).roles.get("root")?.keyIds)
    if (cached.signed.document.version <= newest.signed.document.version) return
    if (!(rootOf(cached).roles.get("root")?.keyIds ?? []).some((id) => owners.has(id))) return
    const [before, after] = [cached.signed.document.version, newest.signed.document.version]
    throw new TrustkeyError("rollback_detected", `the newest root has version ${after}, ${before} was seen before`)
}

function checkSigned(root: RootDocument, file: MetadataFile): void {
    const role = file.role === TIMESTAMP ? "timestamp" : file.role === SNAPSHOT ? "snapshot" : "targets"
    const trusted = root.roles.get(role)
    if (trusted === undefined) throw new TrustkeyError("verification_failed", `root names no keys for ${role}`)
    verifyThreshold(file.signed, file.signatures, root.keys, trusted)
}

function isSigned(verify: () => void): boolean {
    try {
        verify()
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

function rootOf(file: MetadataFile): RootDocument {
    if (file.signed.document.type !== "root") throw new TrustkeyError("internal", `${file.role} is no root`)
    return file.signed.document
}

function targetsOf(file: MetadataFile): TargetsDocument {
    if (file.signed.document.type !== "targets") throw new TrustkeyError("internal", `${file.role} holds no targets`)
    return file.signed.document
}

function metaOf(file: MetadataFile): ReadonlyMap<string, FileMeta> {
    const { document } = file.signed
    if (document.type !== "snapshot" && document.type !== "timestamp") throw new TrustkeyError("internal", `${file.role} lists no files`)
    return document.meta
}
