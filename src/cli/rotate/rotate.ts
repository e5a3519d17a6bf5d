import { TrustkeyError } from "../../errors.ts"
import {
    type BaseRole,
    changedRoles,
    type MetadataFile,
    parseFile,
    ROOT,
    type RootChange,
    type RootDocument,
    rootOf,
} from "../../tuf/index.ts"
import type { Daemon } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { rootDocumentOf } from "../trust/build-update.ts"
import { OurKeys } from "../trust/our-keys.ts"
import { knownRepository, type RenewOptions, type TrustSession } from "../trust/session.ts"
import { noTrustData, type Prepared, type Published, type SecretOptions, whenNobodyInterferes } from "../trust/sign-tag.ts"
import type { AgreeOptions } from "./agree.ts"
import { type Collecting, complete } from "./complete-root.ts"
import { nextBody, requireNext } from "./next-body.ts"
import { type Looked, requireRest, requireRootKeys } from "./publish-root.ts"
import { type Passed, RootSignatures, readPassed } from "./root-signatures.ts"

export type RotateOptions = SecretOptions &
    AgreeOptions & {
        readonly dryRun?: boolean
        /** Files with signatures of holders elsewhere. */
        readonly signature?: readonly string[]
        /** Where a root goes that can't be completed here yet. */
        readonly collect?: string
    }

/** What one kind of rotation wants of the next root. */
export type Wish = {
    /** Whose keys it changes: a root that an interrupted run left behind and that changes these fulfils it. */
    readonly roles: readonly BaseRole[]
    /** Whose keys it looks at itself, before anything is made; its own, if nothing is said. Of the others, see requireRest. */
    readonly looksAfter?: readonly BaseRole[]
    /** Whose keys may change with it; its own only, if nothing is said. Whoever wants another root key changes whatever was begun. */
    readonly mayChange?: readonly BaseRole[]
    /**
     * Looks, and asks what there is to ask unless the run is `dry`; nothing is made yet. Throws what stands in the way. Called again when
     * somebody else was faster.
     */
    plan(looked: Looked, dry: boolean): Promise<PlannedChange>
    /**
     * Whether a root that was begun before and changes the roles is the one wished for: what is other about it, for a message; undefined:
     * nothing. Without it any such root is.
     */
    differenceFrom?(before: RootDocument, begun: RootDocument): Promise<string | undefined>
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
 * The next root: planned by the daemon on the verified chain, its keys made, shown and agreed to, signed by old and new keys with all that
 * depends on it, published in one go and read back. Run again after an interruption it takes up what was left where it was: complete files go
 * out before anything new is built, a root that was begun is gone on with. With root keys elsewhere the root is signed here and passed on, and
 * completed with what comes back.
 *
 * @throws set_incomplete, token_absent: not enough of the keys are here, and nobody said where the root shall go to; nothing was promised
 * @throws equivocation_refused: another root of this version was begun
 * @throws declined, no_terminal, usage, pin_mismatch, repository_unknown, no_trust_data, and what the parts throw
 */
export async function rotate(session: TrustSession, daemon: Daemon, wish: Wish, options: RotateOptions): Promise<Rotated | Collecting> {
    const passed = await readPassed(options.signature ?? [])
    const renewing = { evenRoot: true, ...wish.renewing }
    if (options.dryRun === true) return await dryRun(session, daemon, wish, passed, await look(session, daemon, renewing), options)
    const left = await rootInOutbox(session, daemon)
    const work = async (prepared: Prepared): Promise<Rotated | Collecting | TrustkeyError> => {
        const finished = left === undefined ? undefined : await finishedBy(session, wish, left, prepared)
        if (finished !== undefined) return finished
        await requireMeans(session, prepared, wish, passed, options)
        const next = await nextBody(session, daemon, wish, passed, prepared, options)
        return next instanceof TrustkeyError ? next : await complete(session, daemon, prepared, next, options)
    }
    const result = await whenNobodyInterferes(session, daemon, work, { renewing })
    if (result instanceof TrustkeyError) throw result
    return result
}

/** Before anybody is asked for anything, and a key is made in vain. */
async function requireMeans(
    session: TrustSession,
    looked: Looked,
    { roles, looksAfter = roles }: Wish,
    passed: Passed | undefined,
    { collect }: RotateOptions,
): Promise<void> {
    // Role root's own keys may be elsewhere, and are counted once it is known which.
    if (!roles.includes("root") && passed === undefined && collect === undefined) requireRootKeys(looked)
    await requireRest(session, looked, looksAfter)
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

async function dryRun(
    session: TrustSession,
    daemon: Daemon,
    wish: Wish,
    passed: Passed | undefined,
    looked: Looked,
    options: RotateOptions,
): Promise<Rotated> {
    const { gun, server } = session
    const { root } = looked.current.verified
    const answer = { gun, outcome: "planned", published: [], before: root, after: root, difference: [], code: "" } as const
    await requireMeans(session, looked, wish, passed, options)
    if (passed !== undefined) {
        requireNext(gun, root, passed.body)
        const signed = new RootSignatures(rootOf(root.signed), passed.body, passed.signatures)
        const signers = `signed by ${signed.signers.length === 0 ? "nobody yet" : signed.signers.map(shortId).join(", ")}`
        return { ...answer, says: [`root: completes version ${passed.body.document.version}, ${signers}`] }
    }
    const begun = await daemon.begunRoot({ gun, published: [] })
    if (begun !== undefined && begun.version > root.signed.document.version) {
        const says = [`root: goes on with version ${begun.version}, which was begun before`]
        const { difference = [], code = "" } = begun.plan ?? {}
        return { ...answer, says, difference, code }
    }
    if (looked.known.rootVersion < root.signed.document.version)
        session.cli.output.note(`The daemon has not seen root version ${root.signed.document.version} at ${server.url} yet.`)
    const { says } = await wish.plan(looked, true)
    return { ...answer, says }
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
