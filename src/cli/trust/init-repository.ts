import path from "node:path"
import { sha256 } from "../../crypto/index.ts"
import { TrustkeyError } from "../../errors.ts"
import type { CurrentRepository } from "../../publish/index.ts"
import { makeDirectory, readBytes, removeFile, writeFileDurable } from "../../storage/index.ts"
import {
    canonicalKeyIds,
    type Delegations,
    formatExpires,
    type Gun,
    parseSigned,
    ROOT,
    type SignedMetadata,
    SNAPSHOT,
    TARGETS,
    type TufKey,
    tufKey,
} from "../../tuf/index.ts"
import type { Cli } from "../context.ts"
import { type NewKey, type PlannedKey, planKey } from "../create-key.ts"
import type { AlgorithmName, Daemon, DaemonKey, DaemonRepository } from "../daemon-types.ts"
import { shortId } from "../output.ts"
import { makeReady } from "../secrets.ts"
import type { PassphraseOptions } from "../syntax.ts"
import { firstRoot, firstTargets, rootExpiry } from "./build-first.ts"
import { NO_DELEGATIONS, rootDocumentOf, targetsExpiry } from "./build-update.ts"
import { certificatesOf, type PlannedRoots, planRootKeys, type RootKeyOptions, requireSameRole, signersOfFirstRoot } from "./first-root.ts"
import { chooseKey, isBound } from "./our-keys.ts"
import { dockerDirectory, knownRepository, type TrustSession } from "./session.ts"
import { goneTrustData } from "./sign-tag.ts"

export type InitOptions = RootKeyOptions & {
    targetsKey?: string
    group?: string
    snapshotKey?: boolean
    algorithm: AlgorithmName
    /** Who may sign tags from the beginning: in the first publication, so that there is no moment without them. */
    signers?: FirstSigners
    /** What was asked for before. Used once: whoever comes by a second time finds the keys that were made. */
    plan?: RepositoryPlan | undefined
}

/** `plan` asks what has to be asked; the keys the result needs are made when it is called. */
export type FirstSigners = { readonly plan: (daemon: Daemon) => Promise<Disposable & { make(): Promise<Delegations> }> }

export type InitResult = {
    readonly created: boolean
    readonly lineage: string
    readonly rootKeyIds: readonly string[]
    readonly targetsKeyIds: readonly string[]
    readonly snapshotHeldBy: "server" | "daemon"
}

/**
 * Make a repository: keys, root 1, targets 1, published. Whatever an interrupted run has done is found and used again: keys by their
 * binding, the certificate because the daemon keeps it, the root body because a draft of it is kept, signed files in the outbox.
 */
export async function initRepository(session: TrustSession, options: InitOptions): Promise<InitResult> {
    const daemon = await session.cli.daemon()
    const known = await knownRepository(daemon, session.gun)
    const before = await session.fetchToRenew(known)
    if (before !== undefined) return alreadyThere(session, daemon, known, before)
    const left = await session.publishOutbox(daemon)
    if (left !== undefined) return finish(session, daemon, left)
    if (known?.documents.some(({ role }) => role === ROOT) === true) throw goneTrustData(session)
    return finish(session, daemon, await makeFirst(session, daemon, known, options))
}

async function alreadyThere(
    session: TrustSession,
    daemon: Daemon,
    known: DaemonRepository | undefined,
    current: CurrentRepository,
): Promise<InitResult> {
    if (known === undefined) {
        const message = `${session.server.url} already has trust data for ${session.gun}, which was not made here`
        throw new TrustkeyError("already_exists", `${message}; take it in with trustkey trust adopt ${session.gun}`)
    }
    await session.observe(daemon, current)
    const newer = await session.publishOutbox(daemon)
    return describe(session, daemon, newer ?? current, false)
}

async function finish(session: TrustSession, daemon: Daemon, current: CurrentRepository): Promise<InitResult> {
    await removeFile(draftFile(session.cli, session.gun))
    return describe(session, daemon, current, true)
}

/** The server's keys, and everything that has to be asked before the first of ours is made. */
export type RepositoryPlan = Disposable & {
    readonly timestamp: TufKey
    readonly serverSnapshot: TufKey | undefined
    readonly roots: PlannedRoots
    readonly targets: PlannedKey
    readonly snapshot: PlannedKey | undefined
    readonly signers: (Disposable & { make(): Promise<Delegations> }) | undefined
    /** This plan for the first who takes it. */
    take(): RepositoryPlan | undefined
}

/** Ask for everything a new repository needs; nothing is made yet. */
export async function planRepository(session: TrustSession, daemon: Daemon, options: InitOptions): Promise<RepositoryPlan> {
    const { cli, gun, server } = session
    // The server first: it is the likeliest to fail.
    const timestamp = await server.key(gun, "timestamp")
    const serverSnapshot = options.snapshotKey === true ? undefined : await server.key(gun, "snapshot")
    using asked = new DisposableStack()
    const roots = asked.use(await planRootKeys(cli, daemon, gun, options))
    const targets = asked.use(await keyFor(session, daemon, "targets", options))
    const snapshot = serverSnapshot === undefined ? asked.use(await keyFor(session, daemon, "snapshot", options)) : undefined
    const signers = options.signers === undefined ? undefined : asked.use(await options.signers.plan(daemon))
    const kept = asked.move()
    let taken = false
    const plan: RepositoryPlan = {
        timestamp,
        serverSnapshot,
        roots,
        targets,
        snapshot,
        signers,
        take: () => {
            if (taken) return undefined
            taken = true
            return plan
        },
        [Symbol.dispose]: () => kept.dispose(),
    }
    return plan
}

async function makeFirst(
    session: TrustSession,
    daemon: Daemon,
    known: DaemonRepository | undefined,
    options: InitOptions,
): Promise<CurrentRepository> {
    const { cli, gun } = session
    using plan = options.plan?.take() ?? (await planRepository(session, daemon, options))
    const { timestamp, serverSnapshot } = plan
    const rootKeys = await plan.roots.make()
    const certificates = await certificatesOf(cli, daemon, gun, rootKeys)
    session.checkNewRoot(certificates, plan.roots.threshold)
    const targetsKey = await plan.targets.make()
    const snapshotKey = await plan.snapshot?.make()
    const delegations = (await plan.signers?.make()) ?? NO_DELEGATIONS

    const promised = (role: string): Date | undefined => {
        const mark = known?.marks.find((candidate) => candidate.role === role)
        return mark === undefined ? undefined : new Date(mark.expires)
    }
    const shared = { targets: publicOf(targetsKey), snapshot: serverSnapshot ?? publicOf(snapshotKey), timestamp }
    const keys = { certificates, rootThreshold: plan.roots.threshold, ...shared }
    const draft = await draftOfPromise(cli, gun, known)
    const root = parseSigned(draft ?? firstRoot(keys, promised(ROOT) ?? rootExpiry(cli.now, certificates)), ROOT)
    if (draft !== undefined) requireSameRole(gun, root, certificates, plan.roots.threshold)
    await keepDraft(cli, gun, root.bytes)
    const signers = await signersOfFirstRoot(cli, daemon, gun, root, rootKeys, plan.roots.threshold)
    const files = await daemon.signSet({
        gun,
        published: [],
        bodies: [
            { role: ROOT, signed: root.bytes, keyIds: signers, signatures: [], base: "" },
            { role: TARGETS, signed: targetsAfter(known, delegations, cli.now), keyIds: [targetsKey.id], signatures: [], base: "" },
        ],
        snapshot:
            snapshotKey === undefined
                ? undefined
                : { version: 1, expires: formatExpires(promised(SNAPSHOT) ?? targetsExpiry(cli.now)), keyIds: [snapshotKey.id] },
    })
    return session.publish(daemon, files)
}

/** What was promised by an earlier try, if it is the same; else the version after it (targets may leave versions out, root may not). */
function targetsAfter(known: DaemonRepository | undefined, delegations: Delegations, now: Date): Buffer {
    const mark = known?.marks.find(({ role }) => role === TARGETS)
    if (mark === undefined) return firstTargets(targetsExpiry(now), delegations)
    const again = firstTargets(new Date(mark.expires), delegations, mark.version)
    const isSame = sha256(again).toString("hex") === mark.sha256
    return isSame ? again : firstTargets(targetsExpiry(now), delegations, mark.version + 1)
}

/** The key already bound to the role (from an interrupted run), the one named, or a new one. */
async function keyFor(session: TrustSession, daemon: Daemon, purpose: "targets" | "snapshot", options: InitOptions): Promise<PlannedKey> {
    const { cli, gun } = session
    const given = purpose === "targets" ? options.targetsKey : undefined
    if (given !== undefined) return existing(cli, daemon, await bind(cli, await daemon.getKey(given), gun, purpose), options)
    const bound = (await daemon.listKeys({ gun, role: purpose })).filter(({ state }) => state !== "removed")
    if (bound.length > 0) {
        const key = chooseKey(bound, undefined, `${purpose} key of ${gun}`, "--targets-key")
        cli.output.note(`Using the ${purpose} key ${shortId(key.id)}, which is bound to ${gun}.`)
        return existing(cli, daemon, key, options)
    }
    const label = `${purpose} of ${gun}`.slice(0, 64)
    return planNew(cli, daemon, { purpose, label, bindings: [{ gun, role: purpose }] }, options)
}

async function existing(cli: Cli, daemon: Daemon, key: DaemonKey, options: InitOptions): Promise<PlannedKey> {
    await makeReady(cli, daemon, key, options)
    return { make: () => Promise.resolve(key), [Symbol.dispose]: () => {} }
}

/** A new key that signs at once, as --group, --algorithm and the passphrase options say. */
export async function planNew(
    cli: Cli,
    daemon: Daemon,
    what: Pick<NewKey, "purpose" | "label" | "bindings">,
    options: PassphraseOptions & { group?: string; algorithm: AlgorithmName },
): Promise<PlannedKey> {
    const { algorithm, group, passphraseFd, passphraseFile } = options
    const planned = await planKey(cli, daemon, {
        ...what,
        algorithm,
        unlocked: true,
        ...(group === undefined ? {} : { group }),
        ...(passphraseFd === undefined ? {} : { passphraseFd }),
        ...(passphraseFile === undefined ? {} : { passphraseFile }),
    })
    const make = async (): Promise<DaemonKey> => {
        const key = await planned.make()
        cli.output.note(`Made the ${what.purpose} key ${shortId(key.id)}.`)
        return key
    }
    return { make, [Symbol.dispose]: () => planned[Symbol.dispose]() }
}

async function bind(cli: Cli, key: DaemonKey, gun: Gun, role: string): Promise<DaemonKey> {
    if (isBound(key, gun, role)) return key
    cli.output.note(`Binding key ${shortId(key.id)} to ${role} of ${gun} (on the admin socket).`)
    const admin = await cli.daemon("admin")
    return admin.bindKey({ id: key.id, add: [{ gun, role }], remove: [] })
}

export function publicOf(key: DaemonKey | undefined): TufKey {
    const keytype = key?.keytype
    if (key === undefined || (keytype !== "ecdsa" && keytype !== "rsa" && keytype !== "ed25519")) {
        throw new TrustkeyError("key_unfit", `a key of type ${keytype ?? "none"} is not one Notary knows`)
    }
    return tufKey({ keytype, bytes: key.publicKey })
}

/**
 * A root body that was promised, but whose set never became complete. Only the same bytes may be asked for again, and a server may hand
 * out another timestamp key each time, so they can't be built anew.
 */
async function draftOfPromise(cli: Cli, gun: Gun, known: DaemonRepository | undefined): Promise<Buffer | undefined> {
    const mark = known?.marks.find(({ role }) => role === ROOT)
    if (mark === undefined) return undefined
    const draft = await readBytes(draftFile(cli, gun), { maxBytes: 1024 * 1024 })
    const signed = draft === undefined ? undefined : readDraft(draft)
    return signed?.sha256 === mark.sha256 ? signed.bytes : undefined
}

function readDraft(content: Buffer): SignedMetadata | undefined {
    try {
        return parseSigned(content, ROOT)
    } catch (error) {
        if (error instanceof TrustkeyError) return undefined
        throw error
    }
}

async function keepDraft(cli: Cli, gun: Gun, root: Buffer): Promise<void> {
    const file = draftFile(cli, gun)
    await makeDirectory(path.dirname(file), 0o700)
    await writeFileDurable(file, root, 0o600)
}

function draftFile(cli: Cli, gun: Gun): string {
    return path.join(dockerDirectory(cli), "trust", "trustkey", "drafts", `${sha256(Buffer.from(gun)).toString("hex")}.root`)
}

async function describe(session: TrustSession, daemon: Daemon, current: CurrentRepository, created: boolean): Promise<InitResult> {
    const root = rootDocumentOf(current.verified.root)
    const canonical = (role: "root" | "targets" | "snapshot"): readonly string[] => canonicalKeyIds(root.keys, root.roles.get(role)?.keyIds)
    const held = await daemon.listKeys({ gun: session.gun, role: SNAPSHOT })
    return {
        created,
        lineage: (await daemon.showTrust(session.gun)).lineage,
        rootKeyIds: canonical("root"),
        targetsKeyIds: canonical("targets"),
        snapshotHeldBy: held.some(({ id }) => canonical("snapshot").includes(id)) ? "daemon" : "server",
    }
}
