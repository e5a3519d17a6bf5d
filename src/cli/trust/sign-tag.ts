import { randomInt } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { type ErrorCode, TrustkeyError } from "../../errors.ts"
import type { CurrentRepository } from "../../publish/index.ts"
import {
    canonicalKeyIdOf,
    formatExpires,
    type KeyId,
    parseFile,
    parseRoleName,
    ROOT,
    type RoleName,
    SNAPSHOT,
    TARGETS,
} from "../../tuf/index.ts"
import type { Daemon, DaemonRepository, SignSetBody } from "../daemon-types.ts"
import type { PassphraseOptions, PinOptions } from "../syntax.ts"
import {
    type Change,
    lostDelegations,
    nextTargets,
    nextVersion,
    placesToSign,
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
 * Fetch and verify, show it to the daemon, publish what an earlier run left behind. Undefined when neither the server nor the daemon has
 * anything, or the daemon only what is left of a first publication that never came about: the repository can be made.
 *
 * @throws repository_unknown, no_trust_data, and what the parts throw
 */
export async function lookUp(session: TrustSession, daemon: Daemon, renewing: RenewOptions = {}): Promise<Prepared | undefined> {
    const { gun, server } = session
    const known = await knownRepository(daemon, gun)
    const [fetched, keys] = await Promise.all([session.fetchToRenew(known, renewing), OurKeys.load(daemon, gun)])
    let current = fetched
    if (known === undefined) {
        if (current === undefined) return undefined
        const message = `${server.url} has trust data for ${gun}, which was not made here and is not known to the daemon`
        throw new TrustkeyError("repository_unknown", `${message}; take it in with trustkey trust adopt ${gun}`)
    }
    if (current !== undefined) await session.observe(daemon, current)
    current = (known.outbox === 0 ? undefined : await session.publishOutbox(daemon)) ?? current
    if (current === undefined) {
        if (known.documents.some(({ role }) => role === ROOT)) throw goneTrustData(session)
        return undefined
    }
    const { verified, files } = current
    return {
        known,
        current,
        roles: withKnownBases(tagRoles(verified, files), known),
        keys,
        lost: lostDelegations(verified, files),
    }
}

/** What the daemon compares with is the newest it saw count: of a role whose file no longer counts that may be another than is served. */
function withKnownBases(roles: readonly TagRole[], known: DaemonRepository): readonly TagRole[] {
    return roles.map((role) => {
        const seen = role.stale === undefined ? undefined : known.documents.find((document) => document.role === role.role)
        return seen === undefined ? role : { ...role, base: parseFile(seen.content, parseRoleName(seen.role)).signed.sha256 }
    })
}

export function noTrustData({ server, gun }: TrustSession): TrustkeyError {
    return new TrustkeyError("no_trust_data", `${new URL(server.url).host} does not have trust data for ${gun}`)
}

/** There was some, and both sides know it. */
export function goneTrustData({ server, gun }: TrustSession): TrustkeyError {
    const message = `the daemon saw ${gun} published, and ${server.url} has nothing of it any more`
    return new TrustkeyError("no_trust_data", `${message}; if it was deleted on purpose: trustkey trust reset ${gun}`)
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

/** Prepare and work; from the beginning if somebody else was faster. Where there is no repository yet, `whenNew` instead of `work`. */
export async function whenNobodyInterferes<T>(
    session: TrustSession,
    daemon: Daemon,
    work: (prepared: Prepared) => Promise<T>,
    { renewing = {}, whenNew }: { renewing?: RenewOptions; whenNew?: () => Promise<T> } = {},
): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
        let prepared: Prepared | undefined
        try {
            prepared = await lookUp(session, daemon, renewing)
            if (prepared !== undefined) return await work(prepared)
            if (whenNew === undefined) throw noTrustData(session)
            return await whenNew()
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

/** Where delegations are changed. @throws not_found, in docker's words, when its key is not here */
export function targetsPlace({ roles, keys }: Prepared): TagRole {
    const place = roles.find(({ role }) => role === TARGETS)
    if (place === undefined) throw new TrustkeyError("internal", "a repository without targets")
    if (place.keyIds.some((id) => keys.has(TARGETS, id))) return place
    const message = "could not find necessary signing keys, at least one of these keys must be available"
    throw new TrustkeyError("not_found", `${message}: ${place.keyIds.join(", ")}`)
}

/** The roles a tag goes into. @throws not_found, token_absent, set_incomplete */
export function placesFor(session: TrustSession, prepared: Prepared, tag: string): readonly TagRole[] {
    const { roles, keys } = prepared
    const places = rolesToSign(roles, tag, (role, id) => keys.canUse(role, id))
    if (places.length > 0) return places
    const failed = `failed to sign ${session.gun}:${tag}`
    if (rolesToSign(roles, tag, (role, id) => keys.has(role, id)).length > 0) {
        throw new TrustkeyError("token_absent", `${failed}: the keys for it are on a token that is not there`)
    }
    const wanted = placesToSign(roles, tag)
    const short = wanted.find(({ role, keyIds }) => keyIds.some((id) => keys.has(role, id)))
    if (short !== undefined) {
        const held = short.keyIds.filter((id) => keys.has(short.role, id)).length
        throw new TrustkeyError(
            "set_incomplete",
            `${failed}: ${short.role} needs ${short.threshold} signatures, and here are keys for ${held}`,
        )
    }
    const [only] = wanted
    if (only?.role === TARGETS) {
        const message = "could not find necessary signing keys, at least one of these keys must be available"
        throw new TrustkeyError("not_found", `${failed}: ${message}: ${only.keyIds.join(", ")}`)
    }
    throw new TrustkeyError("not_found", `${failed}: no valid signing keys for delegation roles`)
}

/** What changes in one role's file. Its `place` says who signs it: when delegations change in the same set, that may be others than now. */
export type Update = Change & { readonly place: TagRole }
/** The body of a root, whole. */
export type RootUpdate = SignSetBody & { readonly version: number }
export type Published = { readonly role: RoleName; readonly version: number }

/**
 * Opens what signs these roles and our snapshot, or says why it can't be: before an image is pushed, whose tag would be left there
 * unsigned.
 *
 * @throws open_failed, no_terminal, declined, token_absent and what else keeps a key from signing
 */
export async function openKeys(
    session: TrustSession,
    daemon: Daemon,
    { current, keys }: Prepared,
    places: readonly TagRole[],
    options: SecretOptions,
): Promise<void> {
    for (const place of places) await keys.readyFor(session.cli, daemon, place, options)
    const snapshot = snapshotRole(current.verified)
    if (snapshot.keyIds.some((id) => keys.has(SNAPSHOT, id)))
        await keys.readyFor(session.cli, daemon, { ...snapshot, role: SNAPSHOT }, options)
    else await requireServerSnapshot(session, snapshot.keyIds)
}

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
    // Each role's keys are opened before any role's are counted: one signer's key may serve several.
    for (const { place } of updates) await keys.readyFor(cli, daemon, place, options)
    for (const { place, ...change } of updates) {
        const version = nextVersion((place.document ?? place.stale)?.version, markVersion(known, place.role))
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
export async function ourSnapshot(
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
export async function requireServerSnapshot({ server, gun }: TrustSession, trusted: readonly KeyId[]): Promise<void> {
    if (trusted.includes(canonicalKeyIdOf(await server.key(gun, "snapshot")))) return
    throw new TrustkeyError(
        "not_found",
        `the snapshot key of ${gun} is not here and not at the server. If another client holds it, that client hands it over: notary key rotate ${gun} snapshot -r. If it is lost: trustkey rotate snapshot ${gun} --to-server`,
    )
}
