import { TrustkeyError } from "../../errors.ts"
import {
    formatExpires,
    type MetadataFile,
    type NextKeys,
    parseSigned,
    ROOT,
    type RootDocument,
    rootOf,
    type Signature,
    type SignedMetadata,
    type TufKey,
} from "../../tuf/index.ts"
import type { BegunRoot, Daemon, RoleKeys as WireRoleKeys } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { OurKeys } from "../trust/our-keys.ts"
import { type TrustSession, toWire } from "../trust/session.ts"
import { type Prepared, whenNobodyInterferes } from "../trust/sign-tag.ts"
import { agree } from "./agree.ts"
import { rotationExpiry } from "./expiry.ts"
import { type Looked, publishRoot, requireRest } from "./publish-root.ts"
import type { RootKeys } from "./root-keys.ts"
import { fromWire, type Passed, passOn, RootSignatures, readPassed, signHere, signingHere, toWireSignature } from "./root-signatures.ts"
import { finishedBy, look, type Rotated, type RotateOptions, rootInOutbox } from "./rotate.ts"

export type RotateRootOptions = RotateOptions & {
    /** Files with signatures of holders elsewhere. */
    readonly signature?: readonly string[]
    /** Where a root goes that can't be completed here yet. */
    readonly collect?: string
}

/** A root that goes from holder to holder before it can be published. */
export type Collecting = {
    readonly gun: string
    readonly outcome: "collecting"
    readonly version: number
    readonly difference: readonly string[]
    readonly code: string
    readonly file: string
    /** Who has signed it, by canonical ID. */
    readonly signers: readonly string[]
    readonly lacking: readonly string[]
    /** What the next holder runs. */
    readonly next: string
}

/** The body to sign, and what is signed of it already. */
type Body = { readonly body: SignedMetadata; readonly signatures: readonly Signature[] }

/**
 * Another role root: planned by the daemon on the verified chain, shown and agreed to, signed by old and new keys, published, read back. What
 * an interrupted run has left is taken up where it was: complete files go out, a root that was begun is gone on with. With keys elsewhere the
 * root is signed here and passed on, and completed with what comes back.
 *
 * @throws set_incomplete, token_absent: not enough of the keys are here, and nobody said where the root shall go to; nothing was promised
 * @throws equivocation_refused: another root of this version was begun
 * @throws declined, no_terminal, usage, pin_mismatch, and what the parts throw
 */
export async function rotateRoot(
    session: TrustSession,
    daemon: Daemon,
    keys: RootKeys,
    options: RotateRootOptions,
): Promise<Rotated | Collecting> {
    const passed = await readPassed(options.signature ?? [])
    const renewing = { evenRoot: true }
    if (options.dryRun === true) return await dryRun(session, daemon, keys, passed, await look(session, daemon, renewing))
    const left = await rootInOutbox(session, daemon)
    const work = async (prepared: Prepared): Promise<Rotated | Collecting | TrustkeyError> => {
        const finished = left === undefined ? undefined : await finishedBy(session, { roles: ["root"] }, left, prepared)
        if (finished !== undefined) return finished
        await requireRest(session, prepared, ["root"])
        const next = await nextBody(session, daemon, keys, passed, prepared)
        return next instanceof TrustkeyError ? next : await complete(session, daemon, prepared, next, options)
    }
    const result = await whenNobodyInterferes(session, daemon, work, { renewing })
    if (result instanceof TrustkeyError) throw result
    return result
}

async function complete(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    { body, signatures: made }: Body,
    options: RotateRootOptions,
): Promise<Rotated | Collecting> {
    const { cli, gun } = session
    const before = prepared.current.verified.root
    const signatures = new RootSignatures(rootOf(before.signed), body, made)
    // Some were made since the repository was looked at.
    const ours = await OurKeys.load(daemon, gun)
    const here = signingHere(signatures, ours)
    const isComplete = signatures.lacking(here).length === 0
    if (!isComplete && options.collect === undefined) throw incomplete(gun, body, signatures, ours, signatures.lacking(here))
    const { difference, code } = await agree(cli, gun, before.signed, body, options, isComplete ? undefined : "Sign")
    if (isComplete) {
        const root = { signed: body.bytes, signatures: signatures.all.map(toWireSignature) }
        const { published, current } = await publishRoot(session, daemon, prepared, root, options)
        return { gun, outcome: "rotated", says: [], difference, code, published, before, after: current.verified.root }
    }
    const file = options.collect ?? ""
    await signHere(
        session,
        daemon,
        body,
        here.flatMap((id) => ours.find(ROOT, id) ?? []),
        signatures,
        options,
    )
    const next = await passOn(gun, file, body, signatures)
    const { signers } = signatures
    return {
        gun,
        outcome: "collecting",
        version: body.document.version,
        difference,
        code,
        file,
        signers,
        lacking: signatures.lacking(),
        next,
    }
}

/**
 * What came back from others; else what was begun here before; else a new one. What only a person can decide is answered, not thrown: it is
 * no interference, and trying again would change nothing.
 */
async function nextBody(
    session: TrustSession,
    daemon: Daemon,
    keys: RootKeys,
    passed: Passed | undefined,
    prepared: Prepared,
): Promise<Body | TrustkeyError> {
    const { gun, cli } = session
    const { current } = prepared
    const before = current.verified.root
    const published = toWire(current.files)
    const begun = await daemon.begunRoot({ gun, published })
    if (passed !== undefined) {
        requireNext(gun, before, passed.body)
        const plan = begun?.plan
        if (plan !== undefined && !passed.body.bytes.equals(plan.signed))
            return otherBegun(gun, passed.body.document.version, "it is not the one in these files")
        session.checkNextRoot(roleRootOf(rootOf(passed.body)))
        return { body: passed.body, signatures: [...passed.signatures, ...(plan?.signatures ?? []).map(fromWire)] }
    }
    if (begun !== undefined) return await goOn(session, keys, before, begun)
    const planned = await keys.plan(prepared, false)
    const rootKeys = await planned.make()
    session.checkNextRoot(rootKeys)
    const expires = formatExpires(rotationExpiry(cli.now, before, { rootKeys }))
    const { plan } = await daemon.planRoot({ gun, published, expires, root: wireKeys(rootKeys) })
    const body = parseSigned(plan.signed, ROOT)
    requireNext(gun, before, body)
    return { body, signatures: plan.signatures.map(fromWire) }
}

async function goOn(session: TrustSession, keys: RootKeys, before: MetadataFile, begun: BegunRoot): Promise<Body | TrustkeyError> {
    const { gun, cli } = session
    const { version, plan } = begun
    if (plan === undefined) {
        return new TrustkeyError(
            "equivocation_refused",
            `root version ${version} of ${gun} was signed by other holders and taken in here, but never completed; give their files again (--signature), or, if it was never published: trustkey journal void ${gun} root ${version}`,
        )
    }
    const body = parseSigned(plan.signed, ROOT)
    const other = await keys.differenceFrom(rootOf(before.signed), rootOf(body))
    if (other !== undefined) return otherBegun(gun, version, other)
    session.checkNextRoot(roleRootOf(rootOf(body)))
    cli.output.note(`Going on with root version ${version} of ${gun}, which was begun before.`)
    return { body, signatures: plan.signatures.map(fromWire) }
}

function otherBegun(gun: string, version: number, what: string): TrustkeyError {
    const goOn = `go on with it: trustkey rotate root ${gun}`
    return new TrustkeyError(
        "equivocation_refused",
        `root version ${version} of ${gun} was begun before, and ${what}; ${goOn}, or, if it was never published, void it: trustkey journal void ${gun} root ${version}`,
    )
}

/** @throws repository_moved_on: what came back is late, or belongs elsewhere */
function requireNext(gun: string, before: MetadataFile, body: SignedMetadata): void {
    const [published, next] = [before.signed.document.version, body.document.version]
    if (next === published + 1) return
    const what = next <= published ? "which is published already" : "which does not follow on it"
    throw new TrustkeyError("repository_moved_on", `root version ${published} of ${gun} is published, and this is version ${next}, ${what}`)
}

function incomplete(
    gun: string,
    body: SignedMetadata,
    signatures: RootSignatures,
    ours: OurKeys,
    lacking: readonly string[],
): TrustkeyError {
    const version = `root version ${body.document.version} of ${gun}`
    const away = signatures.waiting.filter((id) => ours.has(ROOT, id) && !ours.canUse(ROOT, id))
    const needs = `${version} needs signatures that can't be made here: ${lacking.join("; ")}`
    if (away.length > 0) {
        const advice = `${away.map(shortId).join(", ")} ${away.length === 1 ? "lies on a token that is" : "lie on tokens that are"} not there: insert it, or gather signatures with --collect FILE`
        return new TrustkeyError("token_absent", `${needs}; ${advice}`)
    }
    return new TrustkeyError(
        "set_incomplete",
        `${needs}. To gather them: --collect FILE signs here what can be, and the next holder signs FILE with trustkey sign`,
    )
}

async function dryRun(session: TrustSession, daemon: Daemon, keys: RootKeys, passed: Passed | undefined, looked: Looked): Promise<Rotated> {
    const { gun, server } = session
    const { root } = looked.current.verified
    const answer = { gun, outcome: "planned", published: [], before: root, after: root, difference: [], code: "" } as const
    await requireRest(session, looked, ["root"])
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
    const { says } = await keys.plan(looked, true)
    return { ...answer, says }
}

function roleRootOf({ keys, roles }: RootDocument): NextKeys {
    const { keyIds, threshold } = roles.get("root") ?? { keyIds: [], threshold: 1 }
    return { keys: keyIds.flatMap((id) => keys.get(id) ?? []), threshold }
}

function wireKeys({ keys, threshold }: NextKeys): WireRoleKeys {
    return { keys: keys.map(({ keytype, public: bytes }: TufKey) => ({ keytype, public: bytes })), threshold }
}
