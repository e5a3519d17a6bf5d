import { type AuditLog, type BackupEvidence, openAuditLog, openBackupEvidence } from "../../../src/audit/index.ts"
import { Secret, sealSecret } from "../../../src/crypto/index.ts"
import { type BackupSettings, type Custody, type KeyView, openCustody, type SignSetRequest } from "../../../src/custody/index.ts"
import { type Binding, openJournal, type Purpose } from "../../../src/journal/index.ts"
import type { Action, Limit, Policy, Principal } from "../../../src/policy/index.ts"
import type { Change, Store } from "../../../src/storage/index.ts"
import {
    assembleFile,
    type BaseRole,
    certificateKey,
    encodeRoot,
    encodeSnapshot,
    encodeTargets,
    encodeTimestamp,
    fileMetaOf,
    type Gun,
    keyIdOf,
    parseGlob,
    parseGun,
    parseRoleName,
    parseSigned,
    type RoleName,
    type Signature,
    snapshotMeta,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"
import { KeyRig } from "../../support/key-rig.ts"
import { makeKey, type TestKey } from "../../support/repository-builder.ts"
import type { SoftHsm } from "../../support/softhsm.ts"

export const GUN: Gun = parseGun("registry.example.com/team/app")
export const DAY = 86_400_000
export const PASSPHRASE = "a passphrase of the tests"
/** The group most keys of these tests are in: opened once, with one Argon2. */
export const GROUP = "team"
export const MOST_BYTES = 64 * 1024

export const refused = (code: string) => ({ name: "TrustkeyError", code })

let lastUid = 1000
/** Somebody else at each call. */
export function caller(name: string, gids: readonly number[] = []): Principal {
    lastUid += 1
    return { kind: "unix", uid: lastUid, gids, pid: 1, name: `uid:${lastUid}(${name})`, socket: "sign" }
}

export const ADMIN: Principal = { ...caller("admin"), socket: "admin" }

export type Grant = {
    readonly who: Principal
    readonly do: readonly (Action | "*")[]
    readonly gun?: string
    readonly role?: readonly string[]
}

export function policyOf(grants: readonly Grant[], limits: readonly Limit[] = []): Policy {
    const rules = grants.map(({ who, do: actions, gun = "**", role = ["**"] }) => ({
        who: [{ kind: "uid" as const, id: who.uid, name: who.name }],
        do: actions,
        gun: [parseGlob(gun)],
        role: role.map(parseGlob),
    }))
    return { rules, limits }
}

const EVERYTHING_TO_ADMIN: Grant = { who: ADMIN, do: ["*"] }

export type CustodyRigOptions = {
    readonly tokens?: NonNullable<Parameters<typeof KeyRig.open>[0]>["tokens"]
    /** Told of each commit before it reaches the database; what it throws is the commit's end. */
    readonly onCommit?: (changes: readonly Change[]) => void
}

/** The custody room over real rooms: database, journal, audit, signer processes. ADMIN may do everything. */
export class CustodyRig implements AsyncDisposable {
    readonly rig: KeyRig
    readonly onCommit: ((changes: readonly Change[]) => void) | undefined
    audit: AuditLog
    evidence: BackupEvidence
    backup: BackupSettings = { recipients: [], maxAgeSeconds: 8 * 86_400, maxDrillAgeSeconds: 100 * 86_400, configuration: Buffer.from("") }
    custody: Custody
    policy: Policy = policyOf([EVERYTHING_TO_ADMIN])
    /** What the rooms take for now. */
    now: () => Date = () => new Date()

    private constructor(rig: KeyRig, audit: AuditLog, evidence: BackupEvidence, onCommit: CustodyRigOptions["onCommit"]) {
        this.rig = rig
        this.audit = audit
        this.evidence = evidence
        this.onCommit = onCommit
        this.custody = this.#open()
    }

    static async open(options: CustodyRigOptions = {}): Promise<CustodyRig> {
        const { onCommit, tokens } = options
        const rig = await KeyRig.open({
            ...(tokens === undefined ? {} : { tokens }),
            ...(onCommit === undefined ? {} : { wrapStore: (store) => watched(store, onCommit) }),
        })
        const store = onCommit === undefined ? rig.store : watched(rig.store, onCommit)
        rig.journal = await openJournal(store, () => new Date())
        return new CustodyRig(rig, await openAuditLog(store, () => new Date()), await openBackupEvidence(store), onCommit)
    }

    /** With a group of keys, open. */
    static async withGroup(options: CustodyRigOptions = {}): Promise<CustodyRig> {
        const rig = await CustodyRig.open(options)
        await rig.custody.createGroup(ADMIN, { name: GROUP, sealed: await rig.seal("create", `group:${GROUP}`, PASSPHRASE) })
        await rig.openGroup()
        return rig
    }

    /** With a group of keys, open, and `hsm` as the token "spare", not logged in to. */
    static async withSpare(
        hsm: SoftHsm,
        options: Omit<CustodyRigOptions, "tokens"> & { readonly environment?: Readonly<Record<string, string>> } = {},
    ): Promise<CustodyRig> {
        const uri = `pkcs11:token=${hsm.label};serial=${hsm.serial}`
        const environment = { ...options.environment, SOFTHSM2_CONF: hsm.conf }
        const tokens = [{ name: "spare", module: hsm.module, uri, environment, deadlineMs: 10_000 }]
        return await CustodyRig.withGroup({ ...options, tokens })
    }

    async openGroup(): Promise<void> {
        const sealed = await this.seal("unlock", `group:${GROUP}`, PASSPHRASE)
        await this.custody.unlock(ADMIN, { subject: { group: GROUP }, sealed, ttlSeconds: 0, uses: 0 })
    }

    #open(): Custody {
        const { rig } = this
        return openCustody({
            policy: () => this.policy,
            journal: rig.journal,
            keys: rig.keys,
            audit: this.audit,
            evidence: this.evidence,
            backup: () => this.backup,
            now: () => this.now(),
            maxPayloadBytes: MOST_BYTES,
            maxTtlSeconds: 3600,
            version: "0.0.0-test",
            startedAt: new Date(),
        })
    }

    /** As a restart of the daemon; the group is open again. */
    async restart(): Promise<void> {
        await this.audit.close()
        await this.rig.restart()
        this.audit = await openAuditLog(this.rig.store, () => new Date())
        this.evidence = await openBackupEvidence(this.rig.store)
        this.custody = this.#open()
        if ((await this.custody.listGroups(ADMIN)).some(({ name }) => name === GROUP)) await this.openGroup()
    }

    /** ADMIN keeps everything. */
    allow(grants: readonly Grant[], limits: readonly Limit[] = []): void {
        this.policy = policyOf([EVERYTHING_TO_ADMIN, ...grants], limits)
    }

    async seal(purpose: string, subject: string, text: string): Promise<ReturnType<typeof sealSecret>> {
        return await this.sealBytes(purpose, subject, Buffer.from(text, "utf8"))
    }

    /** Wipes `bytes`. */
    async sealBytes(purpose: string, subject: string, bytes: Buffer, who = ADMIN): Promise<ReturnType<typeof sealSecret>> {
        const challenge = await this.custody.challenge(who, { purpose, subject })
        using secret = new Secret(bytes)
        return sealSecret(challenge.signerPublic, challenge.nonce, { purpose, subject: challenge.subject }, secret)
    }

    /** A key in the group, bound to the role of its purpose. */
    createKey(purpose: Purpose, bindings: readonly Binding[] = [{ gun: GUN, role: parseRoleName(purpose) }]): Promise<KeyView> {
        return this.createKeyAs(ADMIN, purpose, bindings)
    }

    async createKeyAs(principal: Principal, purpose: Purpose = "targets", bindings: readonly Binding[] = []): Promise<KeyView> {
        const home = { kind: "group" as const, group: GROUP }
        return await this.custody.createKey(principal, { algorithm: "p256", purpose, label: purpose, home, bindings })
    }

    async records(action: string): Promise<readonly { outcome: string; who: string }[]> {
        const records = await this.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        return records.filter((record) => record.action === action).map(({ outcome, who }) => ({ outcome, who }))
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.rig[Symbol.asyncDispose]()
    }
}

function watched(store: Store, onCommit: (changes: readonly Change[]) => void): Store {
    return {
        commit: async (changes) => {
            onCommit(changes)
            await store.commit(changes)
        },
        read: (query) => store.read(query),
        close: () => store.close(),
    }
}

export type RootSpec = {
    readonly version: number
    readonly keys: Readonly<Record<BaseRole, readonly TufKey[]>>
    readonly thresholds?: Partial<Record<BaseRole, number>>
    readonly days?: number
    readonly consistentSnapshot?: boolean
}

export function rootBody(spec: RootSpec): Buffer {
    const all = Object.values(spec.keys).flat()
    const roles = (["root", "targets", "snapshot", "timestamp"] as const).map(
        (role) => [role, { keyIds: spec.keys[role].map(keyIdOf), threshold: spec.thresholds?.[role] ?? 1 }] as const,
    )
    return encodeRoot({
        type: "root",
        version: spec.version,
        expires: inDays(spec.days ?? 3000),
        keys: new Map(all.map((key) => [keyIdOf(key), key])),
        roles: new Map(roles),
        consistentSnapshot: spec.consistentSnapshot ?? false,
    })
}

export type TargetsSpec = {
    readonly version: number
    /** Name to content. */
    readonly targets?: Readonly<Record<string, string>>
    readonly days?: number
    readonly delegations?: readonly { readonly name: string; readonly keys: readonly TufKey[]; readonly paths?: readonly string[] }[]
}

export function targetsBody(spec: TargetsSpec): Buffer {
    const delegations = spec.delegations ?? []
    return encodeTargets({
        type: "targets",
        version: spec.version,
        expires: inDays(spec.days ?? 1000),
        targets: new Map(Object.entries(spec.targets ?? {}).map(([name, content]) => [name, fileMetaOf(Buffer.from(content))])),
        delegations: {
            keys: new Map(delegations.flatMap(({ keys }) => keys.map((key) => [keyIdOf(key), key]))),
            roles: delegations.map(({ name, keys, paths }) => ({
                name: parseRoleName(name),
                keyIds: keys.map(keyIdOf),
                threshold: 1,
                paths: paths ?? [""],
            })),
        },
    })
}

// One moment for a whole file of tests: the same request twice has to be the same bytes.
const START = Math.floor(Date.now() / 1000) * 1000
export function inDays(days: number): Date {
    return new Date(START + days * DAY)
}

export type File = { readonly role: RoleName; readonly content: Uint8Array }

/** One repository whose root, targets and perhaps snapshot key the daemon holds; the test is the server with the timestamp key. */
export class Repository {
    readonly rig: CustodyRig
    readonly gun: Gun
    readonly root: KeyView
    readonly rootKey: TufKey
    readonly targets: KeyView
    /** Ours; otherwise the server's signs. */
    readonly snapshot: KeyView | undefined
    readonly server: TestKey = makeKey()
    readonly keys: Record<BaseRole, readonly TufKey[]>

    private constructor(rig: CustodyRig, gun: Gun, root: KeyView, pem: string, targets: KeyView, snapshot: KeyView | undefined) {
        this.rig = rig
        this.gun = gun
        this.root = root
        this.rootKey = certificateKey(pem)
        this.targets = targets
        this.snapshot = snapshot
        this.keys = {
            root: [this.rootKey],
            targets: [tufKey(targets.record.publicKey)],
            snapshot: [snapshot === undefined ? this.server.key : tufKey(snapshot.record.publicKey)],
            timestamp: [this.server.key],
        }
    }

    /** Keys made and bound, nothing promised yet. */
    static async prepare(rig: CustodyRig, options: { readonly gun?: Gun; readonly snapshotKey?: boolean } = {}): Promise<Repository> {
        const gun = options.gun ?? GUN
        const root = await rig.createKey("root", [{ gun, role: parseRoleName("root") }])
        const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: root.record.id, gun })
        const targets = await rig.createKey("targets", [{ gun, role: parseRoleName("targets") }])
        const snapshot =
            options.snapshotKey === false ? undefined : await rig.createKey("snapshot", [{ gun, role: parseRoleName("snapshot") }])
        return new Repository(rig, gun, root, pem, targets, snapshot)
    }

    /** Root 1, targets 1 and, if the key is ours, snapshot 1 signed. */
    static async begin(rig: CustodyRig, options: { readonly gun?: Gun; readonly snapshotKey?: boolean } = {}): Promise<Repository> {
        const repository = await Repository.prepare(rig, options)
        await rig.custody.signSet(ADMIN, repository.firstSet())
        return repository
    }

    rootBody(version: number, changes: Partial<Omit<RootSpec, "version">> = {}): Buffer {
        return rootBody({ version, keys: this.keys, ...changes })
    }

    body(
        role: string,
        signed: Uint8Array,
        keys?: readonly KeyView[],
        signatures: readonly Signature[] = [],
    ): SignSetRequest["bodies"][number] {
        const ours = keys ?? [role === "root" ? this.root : this.targets]
        return { role: parseRoleName(role), signed, keyIds: ours.map(({ record }) => record.id), signatures }
    }

    set(bodies: SignSetRequest["bodies"], snapshotVersion?: number, published: readonly File[] = []): SignSetRequest {
        const keyIds = this.snapshot === undefined ? [] : [this.snapshot.record.id]
        const snapshot =
            snapshotVersion === undefined || this.snapshot === undefined
                ? {}
                : { snapshot: { version: snapshotVersion, expires: inDays(1000), keyIds } }
        return { gun: this.gun, published, bodies, ...snapshot }
    }

    firstSet(): SignSetRequest {
        return this.set([this.body("root", this.rootBody(1)), this.body("targets", targetsBody({ version: 1 }))], 1)
    }

    /** The next targets, and a snapshot of the same version. */
    targetsSet(version: number, targets: Readonly<Record<string, string>>, published: readonly File[] = []): SignSetRequest {
        return this.set([this.body("targets", targetsBody({ version, targets }))], version, published)
    }

    /** What a server would serve: the files, a snapshot if it signs that, and its timestamp. */
    publish(files: readonly File[], version: number): readonly File[] {
        const parsed = files.map((file) => ({ role: file.role, content: file.content }))
        const given = parsed.find(({ role }) => role === "snapshot")
        const snapshot =
            given ??
            this.#serverFile("snapshot", encodeSnapshot({ type: "snapshot", version, expires: inDays(1000), meta: snapshotMeta(parsed) }))
        const timestamp = this.#serverFile(
            "timestamp",
            encodeTimestamp({
                type: "timestamp",
                version,
                expires: inDays(14),
                meta: new Map([["snapshot", fileMetaOf(snapshot.content)]]),
            }),
        )
        return [...parsed.filter(({ role }) => role !== "snapshot"), snapshot, timestamp]
    }

    #serverFile(role: string, bytes: Buffer): File {
        const signed = parseSigned(bytes, parseRoleName(role))
        return { role: signed.role, content: assembleFile(signed, [this.server.sign(signed)]) }
    }
}
