import { TrustkeyError } from "../../errors.ts"
import {
    type BaseRole,
    changedRoles,
    encodeRoot,
    type MetadataFile,
    nextRoot,
    parseFile,
    parseSigned,
    ROOT,
    type RootChange,
} from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import { OurKeys } from "../trust/our-keys.ts"
import { knownRepository, markVersion, type RenewOptions, type TrustSession } from "../trust/session.ts"
import { noTrustData, type Prepared, type Published, type SecretOptions, whenNobodyInterferes } from "../trust/sign-tag.ts"
import { type AgreeOptions, agree } from "./agree.ts"
import { rotationExpiry } from "./expiry.ts"
import { type Looked, type NextRoot, publishRoot, requireRest } from "./publish-root.ts"

export type RotateOptions = SecretOptions & AgreeOptions & { readonly dryRun?: boolean }

/** What one kind of rotation wants of the next root. */
export type Wish = {
    /** Whose keys it changes: a root that an interrupted run left behind and that changes these fulfils it. */
    readonly roles: readonly BaseRole[]
    /**
     * Looks, and asks what there is to ask unless the run is `dry`; nothing is made yet. Throws what stands in the way. Called again when
     * somebody else was faster.
     */
    plan(looked: Looked, dry: boolean): Promise<PlannedChange>
    /** What need not be in date, to be replaced. */
    readonly renewing?: RenewOptions
}

export type PlannedChange = {
    /** For --dry-run: what would be done, a sentence each. */
    readonly says: readonly string[]
    /** Makes the keys it takes; the same ones however often it is called. */
    make(): Promise<Omit<RootChange, "expires">>
}

export type Rotated = {
    readonly gun: string
    /** `finished`: what an interrupted run had begun. */
    readonly outcome: "rotated" | "finished" | "planned"
    readonly says: readonly string[]
    readonly difference: readonly string[]
    /** Hex; empty when nothing new was signed. */
    readonly code: string
    readonly published: readonly Published[]
    readonly before: MetadataFile
    readonly after: MetadataFile
}

/**
 * The next root: planned, its keys made, shown and agreed to, signed with all that depends on it, published in one go and read back. Run again
 * after an interruption it finishes what was begun: signed files go out before anything new is built, and were they what is wished for,
 * that was all.
 *
 * @throws declined, no_terminal, repository_unknown, no_trust_data, and what the parts throw
 */
export async function rotate(session: TrustSession, daemon: Daemon, wish: Wish, options: RotateOptions): Promise<Rotated> {
    const renewing = { evenRoot: true, ...wish.renewing }
    if (options.dryRun === true) return await dryRun(session, daemon, wish, renewing)
    const left = await rootInOutbox(session, daemon)
    const work = async (prepared: Prepared): Promise<Rotated> => {
        const finished = left === undefined ? undefined : await finishedBy(session, wish, left, prepared)
        if (finished !== undefined) return finished
        requireNoPromise(session, prepared)
        await requireRest(session, prepared, wish.roles)
        const { says, make } = await wish.plan(prepared, false)
        const before = prepared.current.verified.root
        const change = await make()
        const expires = rotationExpiry(session.cli.now, before, change)
        const signed = encodeRoot(nextRoot(rootDocumentOf(before), { ...change, expires }))
        return { ...(await agreeAndPublish(session, daemon, prepared, { signed }, options)), says }
    }
    return await whenNobodyInterferes(session, daemon, work, { renewing })
}

/** Show what is about to be signed, ask, and go through with it. */
export async function agreeAndPublish(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    root: NextRoot,
    options: RotateOptions,
): Promise<Rotated> {
    const { cli, gun } = session
    const before = prepared.current.verified.root
    const { difference, code } = await agree(cli, gun, before.signed, parseSigned(root.signed, ROOT), options)
    const { published, current } = await publishRoot(session, daemon, prepared, root, options)
    return { gun, outcome: "rotated", says: [], difference, code, published, before, after: current.verified.root }
}

/** For a dry run: nothing is published, shown to the daemon or kept. @throws repository_unknown, no_trust_data */
export async function look(session: TrustSession, daemon: Daemon, renewing: RenewOptions): Promise<Looked> {
    const { gun } = session
    const known = await knownRepository(daemon, gun)
    if (known === undefined) throw new TrustkeyError("repository_unknown", `the daemon does not know ${gun}`)
    const [current, keys] = await Promise.all([session.fetchToRenew(known, renewing), OurKeys.load(daemon, gun)])
    if (current === undefined) throw noTrustData(session)
    if (known.outbox > 0) session.cli.output.note("Files that were signed before and not yet published would be published first.")
    return { known, current, keys }
}

async function dryRun(session: TrustSession, daemon: Daemon, wish: Wish, renewing: RenewOptions): Promise<Rotated> {
    const looked = await look(session, daemon, renewing)
    await requireRest(session, looked, wish.roles)
    const { says } = await wish.plan(looked, true)
    const { root } = looked.current.verified
    return { gun: session.gun, outcome: "planned", says, difference: [], code: "", published: [], before: root, after: root }
}

/** A complete root that was never seen published. */
export async function rootInOutbox({ gun }: TrustSession, daemon: Daemon): Promise<MetadataFile | undefined> {
    const known = await daemon.showTrust(gun)
    if (known.state !== "active" || known.outbox === 0) return undefined
    const waiting = (await daemon.outbox(gun)).filter(({ role }) => role === ROOT).map(({ content }) => parseFile(content, ROOT))
    return waiting.at(-1)
}

/** Undefined: what went out is something else. */
export async function finishedBy(
    { gun, server }: TrustSession,
    { roles }: Pick<Wish, "roles">,
    left: MetadataFile,
    { current }: Prepared,
): Promise<Rotated | undefined> {
    const { root } = current.verified
    const { version } = left.signed.document
    if (root.signed.sha256 !== left.signed.sha256 || version < 2) return undefined
    // Verified on the way to this one; only what changed since is asked of it.
    const previous = await server.get(gun, `${version - 1}.root`)
    if (previous === undefined) return undefined
    const before = parseFile(previous, ROOT)
    const changed = changedRoles(rootDocumentOf(before), rootDocumentOf(root))
    if (!roles.every((role) => changed.includes(role))) return undefined
    return { gun, outcome: "finished", says: [], difference: [], code: "", published: [{ role: ROOT, version }], before, after: root }
}

/** A version of root takes one content: another could be promised only after the first was voided. */
function requireNoPromise({ gun }: TrustSession, { known, current }: Prepared): void {
    const version = markVersion(known, ROOT) ?? 0
    if (version <= current.verified.root.signed.document.version) return
    throw new TrustkeyError(
        "equivocation_refused",
        `root version ${version} of ${gun} was promised and never completed; if nobody has its signatures: trustkey journal void ${gun} root ${version}`,
    )
}
