import { randomInt } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import type { CurrentRepository } from "../../publish/index.ts"
import { canonicalKeyIdOf, type FileMeta, formatExpires, type KeyId, ROOT, type RoleName, SNAPSHOT } from "../../tuf/index.ts"
import type { Daemon, DaemonRepository, SignSetBody } from "../daemon-types.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import {
    lostDelegations,
    nextTargets,
    nextVersion,
    rolesToSign,
    snapshotRole,
    type TagRole,
    tagRoles,
    targetsExpiry,
    versionOf,
} from "./build-update.ts"
import { OurKeys } from "./our-keys.ts"
import { knownRepository, markVersion, type RenewOptions, type TrustSession, toWire } from "./session.ts"

export type SecretOptions = PassphraseOptions & PinOptions

/** A repository both sides agree on: the daemon has seen what the server serves, and nothing waits to be published. */
export type Prepared = {
    readonly known: DaemonRepository
    readonly current: CurrentRepository
    readonly roles: readonly TagRole[]
    readonly keys: OurKeys
    readonly lost: ReadonlySet<RoleName>
}

/**
 * Fetch and verify, show it to the daemon, publish what an earlier run left behind.
 *
 * @throws repository_unknown, no_trust_data, and what the parts throw
 */
export async function prepare(session: TrustSession, daemon: Daemon, renewing: RenewOptions = {}): Promise<Prepared> {
    const known = await knownRepository(daemon, session.gun)
    if (known === undefined) throw new TrustkeyError("repository_unknown", `the daemon does not know ${session.gun}`)
    let current = await session.fetchToRenew(known, renewing)
    if (current !== undefined) await session.observe(daemon, current)
    current = (await session.publishOutbox(daemon)) ?? current
    if (current === undefined) throw new TrustkeyError("no_trust_data", `${session.server.url} has no trust data for ${session.gun}`)
    const { verified, files } = current
    return {
        known,
        current,
        roles: tagRoles(verified),
        keys: await OurKeys.load(daemon, session.gun),
        lost: lostDelegations(verified, files),
    }
}

/**
 * What it looks like when somebody else signs or publishes at the same time, and how often to begin again. A version lost to
 * another means that the other got on; a rollback that stays is none of ours, and a person should hear of it soon.
 */
const ATTEMPTS: ReadonlyMap<ErrorCode, number> = new Map([
    ["rollback_refused", 10],
    ["equivocation_refused", 10],
    ["rollback_detected", 3],
    ["server_refused", 3],
])
const PAUSE_MS = 100

/** Prepare and work; from the beginning if somebody else was faster. */
export async function whenNobodyInterferes<T>(
    session: TrustSession,
    daemon: Daemon,
    work: (prepared: Prepared) => Promise<T>,
    renewing: RenewOptions = {},
): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
        let prepared: Prepared | undefined
        try {
            prepared = await prepare(session, daemon, renewing)
            return await work(prepared)
        } catch (error) {
            if (!(error instanceof TrustkeyError) || attempt >= (ATTEMPTS.get(error.code) ?? 1)) throw error
            // A server that got another publication first says VERSION. Whatever else it refuses, it would refuse again.
            if (error.code === "server_refused" && (prepared === undefined || !/\bVERSION\b/.test(error.message))) throw error
            if (attempt === 1) session.cli.output.note("Somebody else signs at the same time; beginning again.")
            // At odds with the others, who wait too.
            await sleep(PAUSE_MS + randomInt(PAUSE_MS * attempt))
        }
    }
}

/** The roles a tag goes into. @throws not_found, token_absent, metadata_rejected */
export function placesFor(session: TrustSession, prepared: Prepared, tag: string): readonly TagRole[] {
    const { roles, keys, lost } = prepared
    const places = rolesToSign(roles, tag, (role, id) => keys.canUse(role, id))
    if (places.length === 0) {
        if (rolesToSign(roles, tag, (role, id) => keys.has(role, id)).length > 0) {
            throw new TrustkeyError("token_absent", `the keys that may sign ${tag} of ${session.gun} are on a token that is not there`)
        }
        throw new TrustkeyError("not_found", `no key you may use here can sign ${tag} of ${session.gun}`)
    }
    const broken = places.find(({ role }) => lost.has(role))
    if (broken !== undefined) {
        const message = `the published ${broken.role} is not signed by the keys it is delegated to; signing it anew would drop the tags in it`
        throw new TrustkeyError("metadata_rejected", message)
    }
    return places
}

export type Update = { readonly place: TagRole; readonly change: (tags: Map<string, FileMeta>) => void }
/** The body of a root, whole. */
export type RootUpdate = SignSetBody & { readonly version: number }
export type Published = { readonly role: RoleName; readonly version: number }

/** Build, have signed, publish, read back. `root` goes out in the same publication. */
export async function publishUpdates(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    updates: readonly Update[],
    options: SecretOptions,
    root?: RootUpdate,
): Promise<readonly Published[]> {
    const { cli, gun } = session
    const { current, known, keys } = prepared
    const bodies: SignSetBody[] = []
    const published: Published[] = []
    if (root !== undefined) {
        const { version, ...body } = root
        bodies.push(body)
        published.push({ role: ROOT, version })
    }
    for (const { place, change } of updates) {
        const version = nextVersion(place.document?.version, markVersion(known, place.role))
        const keyIds = await keys.readyFor(cli, daemon, place, options)
        bodies.push({ role: place.role, signed: nextTargets(place, version, cli.now, change), keyIds, signatures: [], base: place.base })
        published.push({ role: place.role, version })
    }
    const snapshot = await ourSnapshot(session, daemon, prepared, options)
    const files = await daemon.signSet({ gun, published: toWire(current.files), bodies, snapshot })
    await session.publish(daemon, files)
    return published
}

/** Undefined: the server holds the snapshot key and makes the next snapshot itself. */
async function ourSnapshot(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    options: SecretOptions,
): Promise<{ version: number; expires: string; keyIds: readonly string[] } | undefined> {
    const { cli } = session
    const { current, known, keys } = prepared
    const role = snapshotRole(current.verified)
    if (!role.keyIds.some((id) => keys.has(SNAPSHOT, id))) {
        await requireServerSnapshot(session, role.keyIds)
        return undefined
    }
    const version = nextVersion(versionOf(current.verified.snapshot), markVersion(known, SNAPSHOT))
    const keyIds = await keys.readyFor(cli, daemon, { ...role, role: SNAPSHOT }, options)
    return { version, expires: formatExpires(targetsExpiry(cli.now)), keyIds }
}

/** Before a version is spent: without the snapshot key the server would refuse, in words about its own key store (docker/cli #2530). */
async function requireServerSnapshot({ server, gun }: TrustSession, trusted: readonly KeyId[]): Promise<void> {
    if (trusted.includes(canonicalKeyIdOf(await server.key(gun, "snapshot")))) return
    throw new TrustkeyError(
        "not_found",
        `the snapshot key of ${gun} is held by another client; whoever has it hands it to the server with: notary key rotate ${gun} snapshot -r`,
    )
}
