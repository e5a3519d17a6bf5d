import { createHash, type KeyObject, randomBytes } from "node:crypto"
import {
    type Algorithm,
    algorithmOf,
    assembleCertificate,
    certificateScheme,
    generatePrivateKey,
    openPrivateKey,
    type PublicKeyBytes,
    rootCertificateTbs,
    signWith,
    tufScheme,
} from "../../src/crypto/index.ts"
import {
    assembleFile,
    type BaseRole,
    bareKey,
    certificateKey,
    type Delegation,
    encodeRoot,
    encodeSnapshot,
    encodeTargets,
    encodeTimestamp,
    type FileMeta,
    fileMetaOf,
    type Gun,
    type KeyId,
    keyIdOf,
    parseRoleName,
    parseSigned,
    type RoleName,
    type Signature,
    type SignedMetadata,
    type TufKey,
    tufKey,
} from "../../src/tuf/index.ts"

const DAY = 86_400_000
const YEAR = 365 * DAY

export type TestKey = { readonly id: KeyId; readonly key: TufKey; sign(signed: SignedMetadata): Signature }

/** A key of a role other than root. */
export function makeKey(algorithm: Algorithm = "p256"): TestKey {
    const { pkcs8, publicKey } = generatePrivateKey(algorithm)
    return signer(tufKey(publicKey), openPrivateKey(pkcs8))
}

/** What a root key is made from; for one that gets another certificate, given twice. */
export type KeyPair = { readonly publicKey: PublicKeyBytes; readonly privateKey: KeyObject }

export function makeKeyPair(): KeyPair {
    const { pkcs8, publicKey } = generatePrivateKey("p256")
    return { publicKey, privateKey: openPrivateKey(pkcs8) }
}

/** A root key: its certificate names `gun`. */
export function makeRootKey(gun: string, now: Date, options: { readonly notAfter?: Date; readonly pair?: KeyPair } = {}): TestKey {
    const { publicKey, privateKey } = options.pair ?? makeKeyPair()
    const notBefore = new Date(now.getTime() - 10 * YEAR)
    const notAfter = options.notAfter ?? new Date(now.getTime() + 10 * YEAR)
    const tbs = rootCertificateTbs({ gun, publicKey, serial: randomBytes(16), notBefore, notAfter })
    const signature = signWith(privateKey, certificateScheme("p256"), tbs)
    return signer(certificateKey(assembleCertificate(tbs, publicKey, signature)), privateKey)
}

/** A root key with a certificate, or a bundle of them, made elsewhere. */
export function certifiedRootKey(certificates: string, privateKey: KeyObject): TestKey {
    return signer(certificateKey(certificates), privateKey)
}

function signer(key: TufKey, privateKey: KeyObject): TestKey {
    const scheme = tufScheme(algorithmOf(bareKey(key)))
    const id = keyIdOf(key)
    return { id, key, sign: (signed) => ({ keyId: id, method: scheme, sig: signWith(privateKey, scheme, signed.bytes) }) }
}

/** One metadata file, whole. `announced` is the length a snapshot is to claim for it, if not the true one. */
export type BuiltFile = { readonly role: RoleName; readonly version: number; readonly content: Buffer; readonly announced?: number }

type Common = {
    readonly version: number
    /** Counted from the builder's `now`; negative is expired. */
    readonly days?: number
    readonly signers?: readonly TestKey[]
}
export type RootSpec = Common & {
    readonly keys: Readonly<Record<BaseRole, readonly TestKey[]>>
    readonly thresholds?: Partial<Record<BaseRole, number>>
}
export type DelegationSpec = {
    readonly name: string
    readonly keys: readonly TestKey[]
    readonly paths?: readonly string[]
    readonly threshold?: number
}
export type TargetsSpec = Common & {
    readonly role?: string
    readonly signers: readonly TestKey[]
    readonly targets?: Readonly<Record<string, string>>
    readonly delegations?: readonly DelegationSpec[]
}

/** Writes metadata as Notary would, with whatever is asked for in it: signed by whoever, of any version, with any expiry. */
export class RepositoryBuilder {
    readonly gun: Gun
    readonly now: Date

    constructor(gun: Gun, now: Date) {
        this.gun = gun
        this.now = now
    }

    rootKey(): TestKey {
        return makeRootKey(this.gun, this.now)
    }

    /** Signed by its own root keys unless `signers` says otherwise. */
    root(spec: RootSpec): BuiltFile {
        const roles = (["root", "targets", "snapshot", "timestamp"] as const).map((role) => {
            return [role, { keyIds: spec.keys[role].map(({ id }) => id), threshold: spec.thresholds?.[role] ?? 1 }] as const
        })
        const bytes = encodeRoot({
            type: "root",
            version: spec.version,
            expires: this.#expires(spec),
            keys: keyMap(Object.values(spec.keys).flat()),
            roles: new Map(roles),
            consistentSnapshot: false,
        })
        return this.#assemble("root", spec.version, bytes, spec.signers ?? spec.keys.root)
    }

    /** `targets`: name to content; the metadata holds its hashes. */
    targets(spec: TargetsSpec): BuiltFile {
        const delegations = spec.delegations ?? []
        const bytes = encodeTargets({
            type: "targets",
            version: spec.version,
            expires: this.#expires(spec),
            targets: new Map(Object.entries(spec.targets ?? {}).map(([name, content]) => [name, fileMetaOf(Buffer.from(content))])),
            delegations: { keys: keyMap(delegations.flatMap(({ keys }) => keys)), roles: delegations.map(delegationOf) },
        })
        return this.#assemble(spec.role ?? "targets", spec.version, bytes, spec.signers)
    }

    snapshot(spec: Common & { readonly signers: readonly TestKey[]; readonly files: readonly BuiltFile[] }): BuiltFile {
        const bytes = encodeSnapshot({ type: "snapshot", version: spec.version, expires: this.#expires(spec), meta: metaOf(spec.files) })
        return this.#assemble("snapshot", spec.version, bytes, spec.signers)
    }

    timestamp(spec: Common & { readonly signers: readonly TestKey[]; readonly snapshot: BuiltFile }): BuiltFile {
        const meta = metaOf([spec.snapshot])
        const bytes = encodeTimestamp({ type: "timestamp", version: spec.version, expires: this.#expires(spec), meta })
        return this.#assemble("timestamp", spec.version, bytes, spec.signers)
    }

    #expires(spec: Common): Date {
        return new Date(this.now.getTime() + (spec.days ?? 365) * DAY)
    }

    #assemble(role: string, version: number, bytes: Buffer, signers: readonly TestKey[]): BuiltFile {
        const name = parseRoleName(role)
        const signed = parseSigned(bytes, name)
        const content = assembleFile(
            signed,
            signers.map((key) => key.sign(signed)),
        )
        return { role: name, version, content }
    }
}

function delegationOf({ name, keys, paths, threshold }: DelegationSpec): Delegation {
    return { name: parseRoleName(name), keyIds: keys.map(({ id }) => id), threshold: threshold ?? 1, paths: paths ?? [""] }
}

function keyMap(keys: readonly TestKey[]): ReadonlyMap<KeyId, TufKey> {
    return new Map(keys.map(({ id, key }) => [id, key]))
}

function metaOf(files: readonly BuiltFile[]): ReadonlyMap<string, FileMeta> {
    return new Map(files.map(({ role, content, announced }) => [role, { ...fileMetaOf(content), length: announced ?? content.length }]))
}

export type RepositoryKeys = Readonly<Record<BaseRole, readonly TestKey[]>>

/** A repository that grows: every step takes the next version of what it changes. `files` is what is published now. */
export class TestRepository {
    readonly builder: RepositoryBuilder
    readonly keys: RepositoryKeys
    readonly releases: TestKey = makeKey()
    readonly roots: BuiltFile[] = []
    root: BuiltFile
    targets: BuiltFile
    delegations: BuiltFile[] = []
    snapshot: BuiltFile
    timestamp: BuiltFile

    constructor(gun: Gun, now: Date, options: { readonly root?: readonly TestKey[] } = {}) {
        this.builder = new RepositoryBuilder(gun, now)
        this.keys = { root: options.root ?? [this.builder.rootKey()], targets: [makeKey()], snapshot: [makeKey()], timestamp: [makeKey()] }
        this.root = this.builder.root({ version: 1, keys: this.keys })
        this.roots.push(this.root)
        this.targets = this.#targets(1, {})
        this.snapshot = this.#snapshot(1)
        this.timestamp = this.#timestamp(1)
    }

    get files(): readonly BuiltFile[] {
        return [this.root, this.targets, ...this.delegations, this.snapshot, this.timestamp]
    }

    /** New targets, and all that follows from them. */
    publish(targets: Readonly<Record<string, string>>): this {
        this.targets = this.#targets(this.targets.version + 1, targets)
        return this.seal()
    }

    /** New content of `targets/releases`. */
    release(
        targets: Readonly<Record<string, string>>,
        options: { readonly days?: number; readonly signers?: readonly TestKey[] } = {},
    ): this {
        const version = (this.delegations[0]?.version ?? 0) + 1
        this.delegations = [this.builder.targets({ role: "targets/releases", version, targets, signers: [this.releases], ...options })]
        return this.seal()
    }

    /** The next root, with other keys or none other; signed by the old root keys as well. */
    rotate(keys: Partial<RepositoryKeys> = {}): this {
        const signers = [...new Set([...(keys.root ?? []), ...this.keys.root])]
        Object.assign(this.keys, keys)
        this.root = this.builder.root({ version: this.root.version + 1, keys: this.keys, signers })
        this.roots.push(this.root)
        return this.seal()
    }

    /** A new snapshot and timestamp over what is there. */
    seal(): this {
        this.snapshot = this.#snapshot(this.snapshot.version + 1)
        this.timestamp = this.#timestamp(this.timestamp.version + 1)
        return this
    }

    #targets(version: number, targets: Readonly<Record<string, string>>): BuiltFile {
        const delegations = [{ name: "targets/releases", keys: [this.releases] }]
        return this.builder.targets({ version, targets, delegations, signers: this.keys.targets })
    }

    #snapshot(version: number): BuiltFile {
        return this.builder.snapshot({ version, files: [this.root, this.targets, ...this.delegations], signers: this.keys.snapshot })
    }

    #timestamp(version: number): BuiltFile {
        return this.builder.timestamp({ version, snapshot: this.snapshot, signers: this.keys.timestamp })
    }
}

/** Hex SHA-256 of a whole file, as it stands in its name. */
export function hashOf(file: BuiltFile): string {
    return createHash("sha256").update(file.content).digest("hex")
}
