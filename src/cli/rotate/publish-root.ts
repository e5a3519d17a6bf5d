import { TrustkeyError } from "../../errors.ts"
import type { CurrentRepository } from "../../publish/index.ts"
import {
    type BaseRole,
    canonicalKeyIdOf,
    formatExpires,
    type KeyId,
    type MetadataFile,
    parseSigned,
    ROOT,
    type RootDocument,
    rootOf,
    SNAPSHOT,
    TARGETS,
    verifyThreshold,
} from "../../tuf/index.ts"
import type { Daemon, SignSetBody, WireSignature } from "../daemon-types.ts"
import { canonicalRole, nextTargets, nextVersion, rootDocumentOf, targetsExpiry, versionOf } from "../trust/build-update.ts"
import { requirePinOfOne, tokensToOpen } from "../trust/one-pin.ts"
import { OurKeys } from "../trust/our-keys.ts"
import { markVersion, type TrustSession, toWire } from "../trust/session.ts"
import { type Prepared, type Published, requireServerSnapshot, type SecretOptions } from "../trust/sign-tag.ts"

/** A repository as it was looked at; for a dry run nothing that waited was published first. */
export type Looked = Pick<Prepared, "known" | "current" | "keys">

/** Canonical bytes of the root that follows the published one, and what holders elsewhere have signed of it. */
export type NextRoot = { readonly signed: Uint8Array; readonly signatures?: readonly WireSignature[] }

/**
 * Have a root signed together with what would not count under it otherwise (targets when their keys change; the snapshot, when its key is
 * here), publish all in one go, read it back. Until then nobody sees any of it, and whoever reads the repository afterwards sees all of it.
 *
 * @throws set_incomplete, not_found: not enough of the keys are here; nothing was promised
 */
export async function publishRoot(
    session: TrustSession,
    daemon: Daemon,
    prepared: Prepared,
    { signed, signatures = [] }: NextRoot,
    options: SecretOptions,
): Promise<{ readonly published: readonly Published[]; readonly current: CurrentRepository }> {
    const { cli, gun } = session
    const { current, known } = prepared
    // Some were made since the repository was looked at.
    const keys = await OurKeys.load(daemon, gun)
    const root = parseSigned(signed, ROOT)
    const [before, after] = [rootDocumentOf(current.verified.root), rootOf(root)]
    requireOnePinForAll(keys, before, after, current.verified.targets, options)
    const keyIds = await rootSigners({ session, daemon, keys, options }, before, after, signatures)
    const base = current.verified.root.signed.sha256
    const bodies: SignSetBody[] = [{ role: ROOT, signed, keyIds, signatures, base }]
    const published: Published[] = [{ role: ROOT, version: after.version }]
    if (!countsUnder(after, current.verified.targets)) {
        const place = prepared.roles.find(({ role }) => role === TARGETS)
        if (place === undefined) throw new TrustkeyError("internal", "a repository without targets")
        const version = nextVersion(place.document?.version, markVersion(known, TARGETS))
        const role = { ...roleIn(after, "targets"), role: TARGETS }
        const ours = await readyKeys({ session, daemon, keys, options }, role)
        bodies.push({ role: TARGETS, signed: nextTargets(place, version, cli.now, {}), keyIds: ours, signatures: [], base: place.base })
        published.push({ role: TARGETS, version })
    }
    if (sameKeys(before, after, "timestamp")) await requireServerTimestamp(session, after)
    const snapshot = await snapshotUnder({ session, daemon, keys, options }, prepared, before, after)
    const files = await daemon.signSet({ gun, published: toWire(current.files), bodies, snapshot })
    if (snapshot !== undefined) published.push({ role: SNAPSHOT, version: snapshot.version })
    return { published, current: await session.publish(daemon, files) }
}

/** @throws set_incomplete, token_absent: the root as it is can't be followed by one that is signed here alone */
export function requireRootKeys({ current, keys }: Looked): void {
    try {
        requireEnough(keys, { ...roleIn(rootDocumentOf(current.verified.root), "root"), role: ROOT })
    } catch (error) {
        if (!(error instanceof TrustkeyError) || (error.code !== "set_incomplete" && error.code !== "token_absent")) throw error
        const insert = error.code === "token_absent" ? "Insert it, or gather signatures" : "To gather signatures"
        const message = `${error.message}. ${insert}: --collect FILE signs here what can be, and the next holder signs FILE with trustkey sign`
        throw new TrustkeyError(error.code, message, { cause: error })
    }
}

/**
 * That the server has the keys that a rotation of these roles leaves as they are: without them it could publish nothing.
 *
 * @throws not_found
 */
export async function requireRest(session: TrustSession, { current, keys }: Looked, roles: readonly BaseRole[]): Promise<void> {
    const root = rootDocumentOf(current.verified.root)
    if (!roles.includes("timestamp")) await requireServerTimestamp(session, root)
    const { keyIds } = roleIn(root, "snapshot")
    if (!roles.includes("snapshot") && !keyIds.some((id) => keys.has(SNAPSHOT, id))) await requireServerSnapshot(session, keyIds)
}

type Signing = {
    readonly session: TrustSession
    readonly daemon: Daemon
    readonly keys: OurKeys
    readonly options: SecretOptions
}

/** TK-PIN-1, for all that is about to be opened. @throws usage */
function requireOnePinForAll(
    keys: OurKeys,
    before: RootDocument,
    after: RootDocument,
    targets: MetadataFile,
    options: SecretOptions,
): void {
    const roles = [
        { role: ROOT, ...roleIn(before, "root") },
        { role: ROOT, ...roleIn(after, "root") },
        { role: SNAPSHOT, ...roleIn(after, "snapshot") },
        ...(countsUnder(after, targets) ? [] : [{ role: TARGETS, ...roleIn(after, "targets") }]),
    ]
    requirePinOfOne(tokensToOpen(roles.flatMap((role) => keys.toOpen(role))), options)
}

/** TUF 5.3.4: as many of the old keys as the old root asks for, and as many of the new ones as the new root does. */
async function rootSigners(
    signing: Signing,
    before: RootDocument,
    after: RootDocument,
    others: readonly WireSignature[],
): Promise<readonly string[]> {
    const { keys } = signing
    const ids = new Set<string>()
    for (const root of [before, after]) {
        const { keyIds, threshold } = roleIn(root, "root")
        const named = root.roles.get("root")?.keyIds ?? []
        const signed = new Set(others.map(({ keyid }) => keyid))
        // A key of ours that has signed already counts once, too.
        const { keyIds: done } = canonicalRole(root.keys, { keyIds: named.filter((id) => signed.has(id)), threshold })
        const open = keyIds.filter((id) => !done.includes(id))
        const wanted = Math.max(0, threshold - done.length)
        if (wanted === 0) continue
        const role = { role: ROOT, keyIds: open, threshold: wanted }
        requireEnough(keys, role)
        for (const id of await keys.readyFor(signing.session.cli, signing.daemon, role, signing.options)) ids.add(id)
    }
    return [...ids]
}

type SigningRole = { readonly role: MetadataFile["role"]; readonly keyIds: readonly KeyId[]; readonly threshold: number }

async function readyKeys({ session, daemon, keys, options }: Signing, role: SigningRole): Promise<readonly string[]> {
    requireEnough(keys, role)
    return await keys.readyFor(session.cli, daemon, role, options)
}

/** @throws set_incomplete, token_absent */
export function requireEnough(keys: OurKeys, { role, keyIds, threshold }: SigningRole): void {
    if (keyIds.filter((id) => keys.canUse(role, id)).length >= threshold) return
    const here = keyIds.filter((id) => keys.has(role, id))
    if (here.length >= threshold)
        throw new TrustkeyError("token_absent", `${role} needs ${threshold} signatures, and a token with a key for it is not there`)
    const others = keyIds.filter((id) => !here.includes(id)).map((id) => id.slice(0, 12))
    const held = others.length === 0 ? "" : `; held elsewhere, or lost: ${others.join(", ")}`
    throw new TrustkeyError("set_incomplete", `${role} needs ${threshold} signatures, and here are keys for ${here.length}${held}`)
}

/** Undefined: the server holds the snapshot key, and makes the next snapshot itself. */
async function snapshotUnder(
    signing: Signing,
    { current, known }: Prepared,
    before: RootDocument,
    after: RootDocument,
): Promise<{ version: number; expires: string; keyIds: readonly string[] } | undefined> {
    const { session, keys } = signing
    const role = { ...roleIn(after, "snapshot"), role: SNAPSHOT }
    if (role.keyIds.some((id) => keys.has(SNAPSHOT, id))) {
        const version = nextVersion(versionOf(current.verified.snapshot), markVersion(known, SNAPSHOT))
        return { version, expires: formatExpires(targetsExpiry(session.cli.now)), keyIds: await readyKeys(signing, role) }
    }
    // Asked for the key of a root it has not seen yet, the server would make another one.
    if (sameKeys(before, after, "snapshot")) await requireServerSnapshot(session, role.keyIds)
    return undefined
}

/** Before anything is promised: without its timestamp key the server takes nothing, and a root it never takes would have to be voided. */
async function requireServerTimestamp({ server, gun }: TrustSession, root: RootDocument): Promise<void> {
    if (roleIn(root, "timestamp").keyIds.includes(canonicalKeyIdOf(await server.key(gun, "timestamp")))) return
    throw new TrustkeyError(
        "not_found",
        `the trust server has lost its timestamp key for ${gun}, and can publish nothing; a new one: trustkey rotate timestamp ${gun}`,
    )
}

function countsUnder(root: RootDocument, targets: MetadataFile): boolean {
    const role = root.roles.get("targets")
    if (role === undefined) return false
    try {
        verifyThreshold(targets.signed, targets.signatures, root.keys, role)
        return true
    } catch (error) {
        if (error instanceof TrustkeyError) return false
        throw error
    }
}

function sameKeys(before: RootDocument, after: RootDocument, role: BaseRole): boolean {
    const ids = (root: RootDocument): ReadonlySet<KeyId> => new Set(root.roles.get(role)?.keyIds)
    return ids(before).symmetricDifference(ids(after)).size === 0
}

/** A base role by the IDs the daemon gives its keys. */
export function roleIn(root: RootDocument, role: BaseRole): { readonly keyIds: readonly KeyId[]; readonly threshold: number } {
    return canonicalRole(root.keys, root.roles.get(role))
}
