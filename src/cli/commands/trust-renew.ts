import { type Command, Option } from "commander"
import { TrustkeyError } from "../../errors.ts"
import type { CurrentRepository } from "../../publish/index.ts"
import { canonicalKeyIdOf, parseRoleName, ROOT, SNAPSHOT, TIMESTAMP } from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import type { Daemon, DaemonRepository } from "../daemon-types.ts"
import { daysLeft, inDays } from "../expiry.ts"
import { versionsText } from "../present.ts"
import { days, jsonOption, newCommand, repeated, withExamples, withPassphrase, withPin } from "../syntax.ts"
import type { OurKeys } from "../trust/our-keys.ts"
import type { LeftRole, RenewalPlan } from "../trust/plan-renewal.ts"
import type { TrustSession } from "../trust/session.ts"
import type { Prepared, Published, RootUpdate, SecretOptions } from "../trust/sign-tag.ts"
import { witnessOf } from "../trust/witness.ts"

type RenewOptions = SecretOptions & {
    all?: boolean
    within: number
    role?: readonly string[]
    witness?: readonly string[]
    dryRun?: boolean
    json?: boolean
}

const USUAL_DAYS = 90

export function trustRenewCommand(cli: Cli): Command {
    const command = newCommand(cli, "renew", "Sign again, with the same content and a new date, what expires soon or has expired.")
        .argument("[gun...]", "repositories")
        .option("--all", "all repositories the daemon knows")
        .addOption(
            new Option("--within <duration>", "what expires within this time: 90d, 12h")
                .argParser(days)
                .default(USUAL_DAYS, `${USUAL_DAYS}d`),
        )
        .addOption(new Option("--role <role>", "only this role (repeatable)").argParser(repeated))
        .addOption(
            new Option(
                "--witness <role=digits>",
                "sign what this delegation holds, although no signature on it counts; digits as a renewal without it says (repeatable)",
            ).argParser(repeated),
        )
        .option("--dry-run", "show what would be signed; sign and publish nothing")
        .addOption(jsonOption())
        .action((guns: readonly string[], options: RenewOptions) => renewAll(cli, guns, options))
    return withExamples(withPin(withPassphrase(command)), [
        "trustkey trust renew registry.example.com/team/app",
        "trustkey trust renew --all --within 30d --dry-run",
        "trustkey trust renew registry.example.com/team/app --role targets/releases",
    ])
}

/** What was asked for, with its texts read. */
type RenewalOrder = Omit<RenewOptions, "witness"> & { readonly witness: ReadonlyMap<string, string> }

type Renewed = {
    readonly gun: string
    readonly plan: RenewalPlan
    readonly published: readonly Published[]
}

/** One repository after the other; what fails in one does not keep the others from being renewed. */
async function renewAll(cli: Cli, given: readonly string[], options: RenewOptions): Promise<void> {
    const order: RenewalOrder = { ...options, witness: witnessOf(options.witness) }
    const roles = [...(options.role ?? []), ...order.witness.keys()].map((role) => parseRoleName(role))
    if (roles.includes(TIMESTAMP)) throw new TrustkeyError("usage", "timestamps are renewed by the server that holds their key")
    if ((options.all === true) === given.length > 0) throw new TrustkeyError("usage", "name repositories, or give --all")
    const guns = options.all === true ? await allGuns(await cli.daemon()) : given
    if (guns.length === 0) cli.output.note("No repositories: trustkey trust init makes one, trustkey trust adopt takes one in.")
    const renewed: Renewed[] = []
    const failures: { gun: string; error: TrustkeyError }[] = []
    const silent = new SilentServers()
    for (const gun of guns) {
        try {
            const result = await renew(cli, gun, order, silent)
            renewed.push(result)
            if (options.json !== true) tell(cli, result, options)
        } catch (error) {
            if (!(error instanceof TrustkeyError)) throw error
            failures.push({ gun, error })
        }
    }
    if (options.json === true) cli.output.json({ repositories: renewed.map(toJson) })
    for (const { gun, error } of failures.slice(1)) cli.output.warn(`${gun}: ${error.message} [${error.code}]`)
    const first = failures[0]
    if (first !== undefined)
        throw guns.length === 1
            ? first.error
            : new TrustkeyError(first.error.code, `${first.gun}: ${first.error.message}`, { cause: first.error })
    const left = renewed.flatMap(({ gun, plan }) => plan.left.map((role) => ({ ...role, gun })))
    if (left.length === 0) return
    const code = left.every(({ needsRotation }) => needsRotation === true) ? "rotation_needed" : "set_incomplete"
    throw new TrustkeyError(code, `could not be renewed here: ${left.map(({ role, gun }) => `${role} of ${gun}`).join(", ")}`)
}

/** A server that can't be reached takes its time to show it: it is asked for one repository, not for each. */
class SilentServers {
    readonly #answers = new Map<string, TrustkeyError>()

    /** @throws server_unreachable without asking, if it was so before */
    async ask<T>(url: string, work: () => Promise<T>): Promise<T> {
        const before = this.#answers.get(url)
        if (before !== undefined) throw new TrustkeyError(before.code, `${before.message}; it was not asked again`, { cause: before })
        try {
            return await work()
        } catch (error) {
            if (error instanceof TrustkeyError && error.code === "server_unreachable") this.#answers.set(url, error)
            throw error
        }
    }
}

async function allGuns(daemon: Daemon): Promise<readonly string[]> {
    const repositories = await daemon.listTrust()
    return repositories.flatMap(({ gun, state }) => (state === "active" ? [gun] : []))
}

async function renew(cli: Cli, text: string, options: RenewalOrder, silent: SilentServers): Promise<Renewed> {
    const { openRepositorySession } = await import("../trust/session.ts")
    const session = await openRepositorySession(cli, text, "push")
    return await silent.ask(session.server.url, () => renewOne(session, options))
}

async function renewOne(session: TrustSession, options: RenewalOrder): Promise<Renewed> {
    const { knownRepository } = await import("../trust/session.ts")
    const { publishUpdates, whenNobodyInterferes } = await import("../trust/sign-tag.ts")
    const { OurKeys } = await import("../trust/our-keys.ts")
    const { cli, gun } = session
    const daemon = await cli.daemon()
    if (options.dryRun === true) {
        const known = await knownRepository(daemon, gun)
        if (known === undefined) throw new TrustkeyError("repository_unknown", `the daemon does not know ${gun}`)
        const current = await session.fetchToRenew(known, { evenRoot: true })
        if (current === undefined) throw new TrustkeyError("no_trust_data", `${session.server.url} has no trust data for ${gun}`)
        return { gun, plan: await plan(session, current, known, await OurKeys.load(daemon, gun), options), published: [] }
    }
    const work = async (prepared: Prepared): Promise<Renewed> => {
        const planned = await plan(session, prepared.current, prepared.known, prepared.keys, options)
        const { places, root } = planned
        if (places.length === 0 && root === undefined) return { gun, plan: planned, published: [] }
        const rootBody = root === undefined ? undefined : await rootToSign(session, daemon, prepared.keys, root, options)
        const updates = places.map(({ place }) => ({ place, change: () => undefined }))
        return { gun, plan: planned, published: await publishUpdates(session, daemon, prepared, updates, options, rootBody) }
    }
    return await whenNobodyInterferes(session, daemon, work, { renewing: { evenRoot: true } })
}

async function plan(
    session: TrustSession,
    current: CurrentRepository,
    known: DaemonRepository,
    keys: OurKeys,
    { within, role, witness }: RenewalOrder,
): Promise<RenewalPlan> {
    const { planRenewal } = await import("../trust/plan-renewal.ts")
    const { snapshotRole } = await import("../trust/build-update.ts")
    const snapshot = snapshotRole(current.verified)
    const ours = snapshot.keyIds.some((id) => keys.has(SNAPSHOT, id))
    // Only asked about a key that is not ours: a server makes one where it has none.
    const byServer = !ours && snapshot.keyIds.includes(canonicalKeyIdOf(await session.server.key(session.gun, "snapshot")))
    return planRenewal(current, known, {
        now: session.cli.now,
        withinDays: within,
        roles: role === undefined ? undefined : [...role, ...witness.keys()],
        witness,
        canUse: (name, id) => keys.canUse(name, id),
        serverSnapshot: byServer,
    })
}

async function rootToSign(
    { cli }: TrustSession,
    daemon: Daemon,
    keys: OurKeys,
    { signed, version, base, keyIds, threshold }: NonNullable<RenewalPlan["root"]>,
    options: SecretOptions,
): Promise<RootUpdate> {
    return {
        role: ROOT,
        signed,
        version,
        base,
        signatures: [],
        keyIds: await keys.readyFor(cli, daemon, { role: ROOT, keyIds, threshold }, options),
    }
}

function tell({ output, now }: Cli, { gun, plan: planned, published }: Renewed, options: RenewOptions): void {
    const roles = [...(planned.root === undefined ? [] : [ROOT]), ...planned.places.map(({ place }) => place.role)]
    const all = planned.snapshotDue ? [...roles, SNAPSHOT] : roles
    if (options.dryRun === true && all.length > 0) output.line(`Would renew ${all.join(", ")} of ${gun}`)
    else if (published.length > 0) output.line(`Renewed ${versionsText(published)} of ${gun}`)
    else if (planned.left.length === 0) output.line(`Nothing of ${gun} expires within ${options.within} days`)
    for (const { place, why } of planned.places) {
        if (why === "witness")
            output.warn(
                `${place.role} of ${gun}: its signatures did not count any more; its ${place.document?.targets.size ?? 0} tags stay`,
            )
    }
    for (const { role, expires, reason } of planned.left) output.warn(`${role} of ${gun}: ${dateText(expires, now)}; ${reason}`)
}

function dateText(expires: Date, now: Date): string {
    const left = daysLeft(expires, now)
    return `${left < 0 ? "expired" : "expires"} ${inDays(left)}, on ${expires.toISOString().slice(0, 10)}`
}

function toJson({ gun, plan: { places, root, snapshotDue, left }, published }: Renewed): unknown {
    const planned = [
        ...(root === undefined ? [] : [{ role: ROOT, why: "due" }]),
        ...places.map(({ place, expires, why }) => ({ role: place.role, why, expires: expires.toISOString() })),
        ...(snapshotDue ? [{ role: SNAPSHOT, why: "due" }] : []),
    ]
    const rest = left.map(({ role, expires, reason, keyIds }: LeftRole) => ({ role, expires: expires.toISOString(), reason, keyIds }))
    return { gun, planned, published, left: rest }
}
