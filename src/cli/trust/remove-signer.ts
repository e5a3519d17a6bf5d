import { TrustkeyError } from "../../errors.ts"
import { canonicalKeyIds, type FileMeta, type KeyId, parseRoleName, type RoleName, TARGETS, verifyThreshold } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonKey } from "../daemon-types.ts"
import { changeBindings } from "./bind-key.ts"
import { type TagRole, targetsDocumentOf } from "./build-update.ts"
import { RELEASES, withoutSigner } from "./delegations.ts"
import { isBound } from "./our-keys.ts"
import { faultsInDockersWords } from "./resolve-tag.ts"
import { openSession, type TrustSession } from "./session.ts"
import {
    noTrustData,
    type Prepared,
    publishUpdates,
    type SecretOptions,
    targetsPlace,
    type Update,
    whenNobodyInterferes,
} from "./sign-tag.ts"

export type RemoveOptions = SecretOptions & { force?: boolean; resign?: boolean }

/** docker trust signer remove for one repository. @throws declined when a person says no */
export async function removeSigner(cli: Cli, repository: string, name: string, options: RemoveOptions): Promise<void> {
    cli.output.line(`Removing signer "${name}" from ${repository}...`)
    if (name === "releases") throw new TrustkeyError("invalid_request", "releases is a reserved keyword and cannot be removed")
    const session = await openSession(cli, repository, "push")
    const daemon = await cli.daemon()
    // Asked once, however often others are faster.
    const decisions: Decisions = {}
    const remove = (prepared: Prepared): Promise<void> =>
        removeFrom(new Removal(session, daemon, prepared, repository, name), options, decisions)
    const whenNew = (): never => {
        const { code, message } = noTrustData(session)
        throw new TrustkeyError(code, `error retrieving signers for ${repository}: ${message}`)
    }
    await faultsInDockersWords(session, () => whenNobodyInterferes(session, daemon, remove, { whenNew }))
    cli.output.line(`Successfully removed ${name} from ${repository}`)
    cli.output.line()
}

type Decisions = { goOn?: boolean; resign?: boolean }

/** What there is to know before a signer goes. */
class Removal {
    readonly session: TrustSession
    readonly daemon: Daemon
    readonly prepared: Prepared
    readonly repository: string
    readonly name: string

    constructor(session: TrustSession, daemon: Daemon, prepared: Prepared, repository: string, name: string) {
        this.session = session
        this.daemon = daemon
        this.prepared = prepared
        this.repository = repository
        this.name = name
    }

    get delegations(): ReturnType<typeof withoutSigner> {
        return targetsDocumentOf(this.prepared.current.verified.targets).delegations
    }

    get role(): RoleName | undefined {
        return this.delegations.roles.find(({ name }) => name === `targets/${this.name}`)?.name
    }

    /** The daemon's keys that are bound to the signer's role, and where they are to be bound no longer. */
    get bound(): readonly DaemonKey[] {
        const role = `targets/${this.name}`
        return /^[a-z0-9_-]+$/.test(this.name) ? this.prepared.keys.boundTo(parseRoleName(role)) : []
    }

    /** targets/releases as it is published, if it counts now and says something. */
    get releases(): TagRole | undefined {
        return this.prepared.roles.find(({ role, document }) => role === RELEASES && (document?.targets.size ?? 0) > 0)
    }
}

async function removeFrom(removal: Removal, options: RemoveOptions, decisions: Decisions): Promise<void> {
    const { session, daemon, prepared, repository, name, role } = removal
    if (role === undefined) {
        // What an interrupted run has left.
        if (removal.bound.length === 0) throw new TrustkeyError("not_found", `no signer ${name} for repository ${repository}`)
        await unbind(removal, removal.bound)
        return
    }
    const place = targetsPlace(prepared)
    const after = withoutSigner(removal.delegations, role)
    const left = after.roles.find((delegation) => delegation.name === RELEASES)
    if (left !== undefined && left.keyIds.length < left.threshold) {
        const message = `targets/releases needs ${left.threshold} signatures and would have ${left.keyIds.length} keys; add another signer first`
        throw new TrustkeyError("invalid_request", message)
    }
    const updates: Update[] = [{ place, delegate: () => after }]
    const { releases } = removal
    if (releases !== undefined && !stillCounts(prepared, after)) {
        const remaining = canonicalKeyIds(after.keys, left?.keyIds)
        await decide(removal, releases, remaining, options, decisions)
        if (decisions.resign === true) {
            const signedBy = byRemaining(prepared, releases, remaining)
            if (signedBy === undefined) updates[0] = { place, delegate: () => after, change: (tags) => addAll(tags, releases) }
            else updates.push({ place: signedBy })
        } else {
            session.cli.output.warn(
                `the tags of ${session.gun} that were signed by ${name} alone can't be pulled until somebody signs them again: trustkey trust sign`,
            )
        }
    }
    const { bound } = removal
    await publishUpdates(session, daemon, prepared, updates, options)
    await unbind(removal, bound)
}

function addAll(tags: Map<string, FileMeta>, releases: TagRole): void {
    for (const [tag, meta] of releases.document?.targets ?? []) tags.set(tag, meta)
}

/** Whether the published targets/releases still has the signatures it needs when the signer's keys are gone. */
function stillCounts({ current }: Prepared, after: ReturnType<typeof withoutSigner>): boolean {
    const file = current.verified.delegations.get(RELEASES)
    const role = after.roles.find(({ name }) => name === RELEASES)
    if (file === undefined || role === undefined) return false
    try {
        verifyThreshold(file.signed, file.signatures, after.keys, role)
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

/** targets/releases as the remaining signers' keys here can sign it; undefined when they can't: then the repository key speaks for the tags. */
function byRemaining({ keys }: Prepared, releases: TagRole, remaining: readonly KeyId[]): TagRole | undefined {
    const able = remaining.filter((id) => keys.canUse(RELEASES, id)).length
    return able >= releases.threshold && able > 0 ? { ...releases, keyIds: remaining } : undefined
}

/** docker's question, then ours. @throws declined, no_terminal */
async function decide(
    { session, prepared, repository, name }: Removal,
    releases: TagRole,
    remaining: readonly KeyId[],
    { force, resign }: RemoveOptions,
    decisions: Decisions,
): Promise<void> {
    decisions.resign ??= resign === true
    decisions.goOn ??= force === true || resign === true
    if (decisions.goOn) return
    const prompts = await session.cli.prompts()
    decisions.goOn = await prompts.confirm(
        `The signer "${name}" signed the last released version of ${repository}. Removing this signer will make ${repository} unpullable. Are you sure you want to continue?`,
        "--force, or --resign",
    )
    if (!decisions.goOn) throw new TrustkeyError("declined", `nothing was removed from ${repository}`)
    const count = releases.document?.targets.size ?? 0
    const where = byRemaining(prepared, releases, remaining) === undefined ? TARGETS : RELEASES
    decisions.resign = await prompts.confirm(
        `Sign its ${count === 1 ? "tag" : `${count} tags`} again, in ${where}, so that ${count === 1 ? "it stays" : "they stay"} pullable?`,
        "--resign",
    )
}

async function unbind({ session, daemon, prepared, name }: Removal, keys: readonly DaemonKey[]): Promise<void> {
    const { cli, gun } = session
    const others = targetsDocumentOf(prepared.current.verified.targets).delegations
    const elsewhere = others.roles.filter((role) => role.name !== RELEASES && role.name !== `targets/${name}`)
    const kept = new Set<string>(elsewhere.flatMap(({ keyIds }) => canonicalKeyIds(others.keys, keyIds)))
    for (const key of keys) {
        const roles = kept.has(key.id) ? [`targets/${name}`] : [`targets/${name}`, RELEASES]
        const remove = roles.filter((role) => isBound(key, gun, role)).map((role) => ({ gun, role }))
        try {
            await changeBindings(cli, daemon, key, { remove })
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            cli.output.warn(error.message)
        }
    }
}
