import { continuesRoot, type PlannedRepository, type PublishedRoot } from "../../ceremony/index.ts"
import { TrustkeyError } from "../../errors.ts"
import {
    type BaseRole,
    canonicalKeyIds,
    formatExpires,
    lineageOf,
    type MetadataFile,
    parseFile,
    ROOT,
    type RootDocument,
    SNAPSHOT,
    TARGETS,
} from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonKey, DaemonRepository, WireFile } from "../daemon-types.ts"
import { publishRoot } from "../rotate/publish-root.ts"
import { makeReady } from "../secrets.ts"
import { firstTargets } from "../trust/build-first.ts"
import { rootDocumentOf, targetsExpiry } from "../trust/build-update.ts"
import type { TrustSession } from "../trust/session.ts"
import { type SecretOptions, whenNobodyInterferes } from "../trust/sign-tag.ts"
import { toWireSignature } from "../wire-signature.ts"
import { movedOn } from "./pack.ts"
import { type PlanOption, requireSamePlan } from "./same-plan.ts"
import type { StepOptions, Work } from "./work.ts"

export type PublishOptions = StepOptions & PlanOption & SecretOptions & { readonly dryRun?: boolean; readonly confirm?: string }

/**
 * Every root of a closed ceremony goes out, each read back before it is on record. What was published by an earlier try is found and recorded.
 *
 * @throws step_refused, repository_moved_on: something else is published than the plan was made for
 */
export async function publish(work: Work, options: PublishOptions): Promise<void> {
    const { cli, plan } = work
    if (plan.rehearsalOf !== undefined)
        throw new TrustkeyError("step_refused", "this is the bundle of a rehearsal: its keys are stand-ins, and nothing of it is published")
    await requireSamePlan(cli, plan, options)
    for (const [index, repository] of plan.repositories.entries()) {
        if (work.state.published.has(index)) {
            cli.output.note(`The root of ${repository.gun} is on record as published.`)
            continue
        }
        const [step] = work.requirePossible(`publishing the root of ${repository.gun}`, { step: "publish", repository: index })
        const who = await work.requirePerson(step, "publishing", options)
        const root = parseFile(work.content(`root/${index}`), ROOT)
        const server = await publishOne(work, repository, root, options)
        if (options.dryRun === true) continue
        await work.take({ step: "publish", repository: index, server }, who, options)
        cli.output.line(`Published root version ${root.signed.document.version} of ${repository.gun} at ${server}`)
    }
}

/** @returns the server's URL */
async function publishOne(work: Work, { gun, published }: PlannedRepository, root: MetadataFile, options: PublishOptions): Promise<string> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const session = await openRepositorySession(work.cli, gun, "push")
    const continues = continuesRoot(work)
    if (continues && published !== undefined) await follow(session, root, published, options)
    else await begin(session, root, published?.lineage, options)
    return session.server.url
}

/** The root after the published one. */
async function follow(session: TrustSession, root: MetadataFile, published: PublishedRoot, options: PublishOptions): Promise<void> {
    const before = published.version
    const { cli, gun } = session
    const daemon = await cli.daemon()
    const current = await session.fetchToTakeIn()
    const { document, sha256 } = current.verified.root.signed
    const { version } = document
    if (version > before) {
        const ours = current.roots.find(({ signed }) => signed.document.version === before + 1)
        if (ours?.signed.sha256 !== root.signed.sha256)
            throw movedOn(`root version ${version} of ${gun} is published by now, and it is another`)
        cli.output.note(`The root of ${gun} is published already.`)
        return
    }
    if (version < before || sha256 !== published.sha256)
        throw movedOn(`root version ${version} of ${gun} is published now, and not the root that the plan was made for`)
    if (options.dryRun === true) {
        cli.output.line(`Would publish root version ${before + 1} of ${gun} at ${session.server.url}, where version ${version} is served`)
        return
    }
    await whenNobodyInterferes(session, daemon, async (prepared) => {
        const files = await publishRoot(
            session,
            daemon,
            prepared,
            { signed: root.signed.bytes, signatures: root.signatures.map(toWireSignature) },
            options,
        )
        requireSame(files.current.verified.root, root)
    })
}

function requireSame(served: MetadataFile, root: MetadataFile): void {
    if (served.signed.sha256 === root.signed.sha256) return
    throw new TrustkeyError("publish_unconfirmed", "the server serves another root than the ceremony's")
}

/**
 * A repository that begins, or begins anew: root version 1 with the first targets, which this daemon's key signs. Whatever an interrupted run has
 * signed waits in the daemon's outbox, and goes out as it is.
 */
async function begin(session: TrustSession, root: MetadataFile, oldLineage: string | undefined, options: PublishOptions): Promise<void> {
    const { cli, gun, server } = session
    const served = await server.get(gun, "1.root")
    const lineage = lineageOf(root.signed)
    const before = served === undefined ? undefined : lineageOf(parseFile(served, ROOT).signed)
    if (before === lineage) {
        cli.output.note(`The root of ${gun} is published already.`)
        return
    }
    if (before !== undefined && before !== oldLineage) throw movedOn(`${server.url} has other trust data for ${gun} by now`)
    const targetsKey = await targetsKeyFor(cli, gun, rootDocumentOf(root))
    if (options.dryRun === true) {
        const what = before === undefined ? "has no trust data for it" : "has the lost root's trust data, which would be deleted"
        cli.output.line(`Would publish root version 1 of ${gun} at ${server.url}, which ${what}`)
        return
    }
    const admin = await cli.daemon("admin")
    if (before !== undefined || oldLineage !== undefined) await endOld(session, admin, oldLineage, before !== undefined, options)
    // The vault signed it without this daemon: it is taken in as it was made.
    const known = await admin.showTrust(gun)
    if (known.state !== "active") await admin.adopt({ gun, files: [{ role: ROOT, content: root.content }], confirm: lineage })
    else if (known.lineage !== lineage)
        throw new TrustkeyError("already_exists", `the daemon has another lineage of ${gun}; end it with trust reset first`)
    const files = await firstFiles(session, targetsKey, rootDocumentOf(root), known, options)
    const current = await session.publish(await cli.daemon(), [{ role: ROOT, content: root.content }, ...files])
    requireSame(current.verified.root, root)
}

async function firstFiles(
    session: TrustSession,
    targetsKey: DaemonKey,
    root: RootDocument,
    known: DaemonRepository,
    options: PublishOptions,
): Promise<readonly WireFile[]> {
    const { cli, gun } = session
    const daemon = await cli.daemon()
    const waiting = (await daemon.outbox(gun)).filter(({ role }) => role !== ROOT)
    if (waiting.length > 0) return waiting
    await makeReady(cli, daemon, targetsKey, options)
    const snapshotKey = await ourKey(daemon, gun, "snapshot", root)
    if (snapshotKey !== undefined) await makeReady(cli, daemon, snapshotKey, options)
    const version = (role: string): number => (known.marks.find((mark) => mark.role === role)?.version ?? 0) + 1
    const expires = targetsExpiry(cli.now)
    return await daemon.signSet({
        gun,
        published: [],
        bodies: [
            {
                role: TARGETS,
                signed: firstTargets(expires, undefined, version(TARGETS)),
                keyIds: [targetsKey.id],
                signatures: [],
                base: "",
            },
        ],
        snapshot:
            snapshotKey === undefined
                ? undefined
                : { version: version(SNAPSHOT), expires: formatExpires(expires), keyIds: [snapshotKey.id] },
    })
}

/** The key the plan gave to targets. @throws not_found */
async function targetsKeyFor(cli: Cli, gun: string, root: RootDocument): Promise<DaemonKey> {
    const key = await ourKey(await cli.daemon(), gun, "targets", root)
    if (key !== undefined) return key
    throw new TrustkeyError(
        "not_found",
        `the targets key that the plan gives to ${gun} is not here, or not bound to it: trustkey key list --gun ${gun}`,
    )
}

async function ourKey(daemon: Daemon, gun: string, role: BaseRole, root: RootDocument): Promise<DaemonKey | undefined> {
    const trusted = canonicalKeyIds(root.keys, root.roles.get(role)?.keyIds)
    const ours = await daemon.listKeys({ gun, role })
    return ours.find(({ id, state }) => state !== "removed" && trusted.some((known) => known === id))
}

/** What went before is deleted on the server and ended here. A person types the repository's name, having read what it means for everybody. */
async function endOld(
    { cli, gun, server, cache }: TrustSession,
    admin: Daemon,
    oldLineage: string | undefined,
    isServed: boolean,
    options: PublishOptions,
): Promise<void> {
    const { consumerNotice } = await import("../trust/reset-notice.ts")
    const { askToType } = await import("../confirm.ts")
    const known = await admin.showTrust(gun)
    const ends = known.state === "active" && known.lineage === oldLineage
    if (!ends && !isServed) return
    for (const line of consumerNotice(gun)) cli.output.note(line)
    const question = `Every client that trusts the lost root will refuse the new one. Type ${gun} to go on: `
    const typed = options.confirm ?? (await askToType(cli, question, gun))
    if (typed !== gun) throw new TrustkeyError("confirmation_required", `type the repository's name to confirm: ${gun}`)
    if (isServed) await server.remove(gun)
    if (ends) await admin.reset({ gun, confirm: gun })
    await cache.remove(gun)
}
