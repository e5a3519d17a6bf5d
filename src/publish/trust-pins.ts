import { type Authorities, checkCertificatePath } from "../crypto/index.ts"
import { TrustkeyError } from "../errors.ts"
import { readOwnText } from "../storage/index.ts"
import { type Glob, type Gun, globMatches, type KeyId, keyIdOf, type MetadataFile, type TufKey, verifyRootSignedBy } from "../tuf/index.ts"

/** Repositories, and what their roots have to be. With both certificates and authorities, both. */
export type Pin = {
    readonly guns: readonly Glob[]
    /** TUF key IDs of root certificates: one of the roots must be signed by them. */
    readonly certificates?: ReadonlySet<KeyId>
    /** The newest root's certificates must be issued by one of them. */
    readonly authorities?: Authorities
}

/** One client.toml. */
export type ClientConfig = {
    readonly firstUse: boolean
    readonly pins: readonly Pin[]
    /** The program that asks for PINs. */
    readonly pinentry?: string
}

/** What decides for one repository. `pins`: one of them must hold; none means the first root met is taken on faith, if `firstUse`. */
export type PinRule = {
    readonly pins: readonly Pin[]
    readonly firstUse: boolean
    /** The file to look into, and which of its pins these are, from 0. */
    readonly source: string
    readonly indexes: readonly number[]
}

export interface TrustPins {
    ruleFor(gun: Gun): PinRule
}

/** `administrator`: /etc/trustkeyd/client.toml. `user`: ~/.config/trustkey/client.toml. One that isn't there says nothing. */
export type PinFiles = { readonly administrator: string; readonly user: string }

const MAX_CONFIG = 1024 * 1024
const NOTHING: ClientConfig = { firstUse: true, pins: [] }

/**
 * First use is forbidden when either file forbids it. A repository that the administrator has pinned is pinned so, whatever the user's
 * file says.
 *
 * @throws config_invalid naming the file, with a line for each mistake; file_unsafe, storage_failed
 */
export async function readTrustPins(files: PinFiles): Promise<TrustPins> {
    const [administrator, user] = [await readClientConfig(files.administrator), await readClientConfig(files.user)]
    return {
        ruleFor: (gun) => {
            const [above, own] = [mostSpecific(administrator.pins, gun), mostSpecific(user.pins, gun)]
            const [pins, source, config] = above.length > 0 ? [above, files.administrator, administrator] : [own, files.user, user]
            const indexes = pins.map((pin) => config.pins.indexOf(pin))
            return { pins, source, indexes, firstUse: administrator.firstUse && user.firstUse }
        },
    }
}

/** The program that asks for a token's PIN, as the user's file says, else the administrator's. @throws as readTrustPins */
export async function readPinentry(files: PinFiles): Promise<string | undefined> {
    return (await readClientConfig(files.user)).pinentry ?? (await readClientConfig(files.administrator)).pinentry
}

async function readClientConfig(file: string): Promise<ClientConfig> {
    const text = await readOwnText(file, MAX_CONFIG)
    if (text === undefined) return NOTHING
    try {
        // Most have no such file, and the schema takes its time to load.
        const { parseClientConfig } = await import("./client-config.ts")
        return await parseClientConfig(text, file)
    } catch (error) {
        if (!(error instanceof TrustkeyError) || error.code !== "config_invalid") throw error
        throw new TrustkeyError("config_invalid", error.message.replaceAll(/^/gm, `${file}: `), { cause: error })
    }
}

/** A whole name counts before a pattern, a pattern with a longer beginning before one with a shorter; equals stand beside each other. */
function mostSpecific(pins: readonly Pin[], gun: Gun): readonly Pin[] {
    let best = -1
    let found: Pin[] = []
    for (const pin of pins) {
        const rank = Math.max(...pin.guns.map((glob) => (globMatches(glob, gun) ? rankOf(glob, gun) : -1)))
        if (rank > best) found = []
        best = Math.max(best, rank)
        if (rank >= 0 && rank === best) found.push(pin)
    }
    return found
}

function rankOf(glob: Glob, gun: Gun): number {
    return glob.text === gun ? Number.MAX_SAFE_INTEGER : glob.text.search(/[*?]/)
}

/**
 * That `roots` (each following on the one before, ending with the newest) satisfy one of the pins. Older roots are fetched by
 * `olderRoots` when a pinned certificate isn't among those at hand: from version 1 to the newest, each following on the one before.
 * `now` undefined: dates do not count.
 *
 * @throws pin_mismatch
 */
export async function checkPins(
    rule: PinRule,
    gun: Gun,
    roots: readonly MetadataFile[],
    now: Date | undefined,
    olderRoots: () => Promise<readonly MetadataFile[]>,
): Promise<void> {
    const newest = roots.at(-1)
    if (rule.pins.length === 0 || newest === undefined) return
    const problems: string[] = []
    for (const pin of rule.pins) {
        const problem = authorityProblem(pin, newest, gun, now) ?? (await certificateProblem(pin, roots, gun, olderRoots))
        if (problem === undefined) return
        problems.push(problem)
    }
    throw mismatch(rule, gun, problems)
}

/**
 * That a root whose role root has `keys` and `threshold` would satisfy the pins once all of them have signed: for a root still to be made.
 *
 * @throws pin_mismatch
 */
export function checkPinsOfNewRoot(rule: PinRule, gun: Gun, keys: readonly TufKey[], threshold: number, now: Date): void {
    if (rule.pins.length === 0) return
    const problems = rule.pins.flatMap((pin) => newRootProblem(pin, keys, threshold, now) ?? [])
    if (problems.length === rule.pins.length) throw mismatch(rule, gun, problems)
}

/**
 * The same for a root that follows on one which satisfies them: a pinned certificate of an earlier root vouches for it, an authority is asked
 * of each root anew.
 *
 * @throws pin_mismatch
 */
export function checkPinsOfNextRoot(rule: PinRule, gun: Gun, keys: readonly TufKey[], threshold: number, now: Date): void {
    const pins = rule.pins.map(({ guns, authorities }) => ({ guns, ...(authorities === undefined ? {} : { authorities }) }))
    checkPinsOfNewRoot({ ...rule, pins }, gun, keys, threshold, now)
}

/** As `checkPins` will count it: a root counts by those of its keys that the pin accepts, and their number has to meet the threshold. */
function newRootProblem(pin: Pin, keys: readonly TufKey[], threshold: number, now: Date): string | undefined {
    const problems = keys.flatMap((key) => keyProblem(pin, keyIdOf(key), key, now) ?? [])
    return keys.length - problems.length >= threshold ? undefined : (problems[0] ?? "it has fewer keys than its threshold")
}

function keyProblem(pin: Pin, id: KeyId, key: TufKey, now: Date): string | undefined {
    return pinnedProblem(pin.certificates, id) ?? (pin.authorities === undefined ? undefined : pathProblem(pin.authorities, key, now))
}

function mismatch(rule: PinRule, gun: Gun, problems: readonly string[]): TrustkeyError {
    return new TrustkeyError("pin_mismatch", `the root of ${gun} is not the one pinned in ${rule.source}: ${problems.join("; ")}`)
}

/** Asked of the newest root, whatever is cached: it is the one in force, and everybody gets the same answer. */
function authorityProblem(pin: Pin, newest: MetadataFile, gun: Gun, now: Date | undefined): string | undefined {
    const { authorities } = pin
    if (authorities === undefined) return undefined
    return problemOf(() => verifyRootSignedBy(newest, gun, now, (_, key) => pathProblem(authorities, key, now)))
}

/** The pinned certificates' keys vouch for a root; everything after it follows from that. */
async function certificateProblem(
    pin: Pin,
    roots: readonly MetadataFile[],
    gun: Gun,
    olderRoots: () => Promise<readonly MetadataFile[]>,
): Promise<string | undefined> {
    const { certificates } = pin
    if (certificates === undefined) return undefined
    // The dates of a certificate that has been replaced say nothing any more.
    const problemWith = (root: MetadataFile): string | undefined =>
        problemOf(() => verifyRootSignedBy(root, gun, undefined, (id) => pinnedProblem(certificates, id)))
    const problems = roots.map(problemWith)
    if (problems.includes(undefined)) return undefined
    const older = await olderRoots()
    return older.some((root) => problemWith(root) === undefined) ? undefined : problems.at(-1)
}

function pinnedProblem(certificates: ReadonlySet<KeyId> | undefined, id: KeyId): string | undefined {
    return certificates === undefined || certificates.has(id) ? undefined : "this certificate is not pinned"
}

function pathProblem(authorities: Authorities, key: TufKey, now: Date | undefined): string | undefined {
    return problemOf(() => checkCertificatePath(Buffer.from(key.public).toString("latin1"), authorities, now))
}

function problemOf(check: () => void): string | undefined {
    try {
        check()
        return undefined
    } catch (error) {
        if (error instanceof TrustkeyError) return error.message
        throw error
    }
}
