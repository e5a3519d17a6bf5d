import {
    type BackupCounts,
    type BackupRecord,
    BackupWriter,
    createShares,
    type EndRecord,
    encodeShareSet,
    type GroupRecord,
    type HeadRecord,
    type Instead,
    type KeyRecord,
    type LineageRecord,
    type RoleVersion,
    TAR_BLOCK,
    TAR_END,
    tarClaims,
    tarHeader,
    tarPadding,
} from "../../src/backup/index.ts"
import { generatePrivateKey, KeyFileWriter, LEAST_COST, makeAgeIdentity, Secret, seal, sha256, type Wrap } from "../../src/crypto/index.ts"
import type { KeyRecord as StoredKey, TokenHome } from "../../src/journal/index.ts"
import { encodeKeyFacts } from "../../src/keys/key-facts.ts"
import { sealedGroupFacts, sealedKeyFacts } from "../../src/signer/index.ts"
import { bareKey, canonicalKeyIdOf, parseFile, parseGun, parseRoleName, ROOT, type RoleName } from "../../src/tuf/index.ts"
import { type BuiltFile, makeRootKey, type TestKey, TestRepository } from "./repository-builder.ts"

export type LooseRecord = Exclude<BackupRecord, EndRecord>

export const SAMPLE_GUN = parseGun("registry.example.com/team/app")
export const SAMPLE_NOW = new Date("2026-11-20T12:00:00.000Z")
const AT = SAMPLE_NOW.toISOString()
const DAY = 86_400_000
const GROUP = "release"
export const SAMPLE_PASSPHRASE = "a passphrase of the tests"
const USB_TOKEN: TokenHome = { kind: "token", token: "root-a", uri: "pkcs11:token=root-a;id=%01", serial: "0001" }
const COPY_TOKEN: TokenHome = { kind: "token", token: "root-b", uri: "pkcs11:token=root-b;id=%01", serial: "0002", brought: true }

/**
 * A backup in which every kind of record and every variant of it occurs: a repository that was begun anew, with two roots, files that wait, a void
 * root and a promise without its file; keys of a group, with a passphrase of their own, on tokens, and removed.
 */
export async function sampleRecords(): Promise<readonly LooseRecord[]> {
    const rootKeys = [makeRootKey(SAMPLE_GUN, SAMPLE_NOW), makeRootKey(SAMPLE_GUN, SAMPLE_NOW)]
    const repository = new TestRepository(SAMPLE_GUN, SAMPLE_NOW, { root: rootKeys })
    repository.publish({ v1: "one" }).release({ v1: "one" }).rotate()
    const old = new TestRepository(SAMPLE_GUN, SAMPLE_NOW)
    const other = new TestRepository(parseGun("registry.example.com/team/base"), SAMPLE_NOW)

    const [onToken, sealedRoot] = rootKeys
    const [targets] = repository.keys.targets
    const [snapshot] = repository.keys.snapshot
    if (onToken === undefined || sealedRoot === undefined || targets === undefined || snapshot === undefined) throw new Error("no key")
    const groupKey = (): Secret => new Secret(Buffer.alloc(32, 9))
    const groupFacts = { name: GROUP, createdAt: AT }
    using ownGroupKey = groupKey()
    const group: GroupRecord = {
        kind: "group",
        ...groupFacts,
        envelope: await seal(ownGroupKey, sealedGroupFacts(groupFacts), [passphraseWrap()]),
    }
    const inGroup: Wrap = { kind: "group", group: GROUP, key: groupKey() }
    const instead: readonly Instead[] = [
        { how: "copy", token: COPY_TOKEN.token, serial: COPY_TOKEN.serial },
        { how: "holders", gun: SAMPLE_GUN, keys: [canonicalKeyIdOf(sealedRoot.key)], threshold: 1 },
    ]
    const keys = [
        await keyRecord(stored(onToken, "root", { home: USB_TOKEN, copies: [COPY_TOKEN] }), { instead }),
        await keyRecord(stored(sealedRoot, "root", { home: { kind: "sealed" } }), { wrap: passphraseWrap() }),
        await keyRecord(stored(targets, "targets", { home: { kind: "group", group: GROUP }, madeBy: "uid:1000" }), { wrap: inGroup }),
        await keyRecord(stored(snapshot, "snapshot", { home: { kind: "group", group: GROUP } }), { wrap: inGroup }),
        await keyRecord(stored(repository.releases, "delegation", { home: { kind: "sealed" }, removedAt: AT }), {}),
    ]

    const waiting = repository.builder.targets({ version: repository.targets.version + 1, signers: [targets], targets: { v2: "two" } })
    const voided = repository.builder.root({ version: 3, keys: repository.keys, days: 30 })
    const pending = repository.builder.targets({ role: "targets/releases", version: 2, signers: [repository.releases] })
    const lineages = [
        ...lineage(old, { at: new Date(SAMPLE_NOW.getTime() - 30 * DAY), retiredAt: AT }),
        ...lineage(repository, { at: SAMPLE_NOW, waiting: [waiting], voided: [voided], pending: [pending] }),
        ...lineage(other, { at: SAMPLE_NOW }),
    ]
    const close = Buffer.from('{"_type":"CeremonyClose"}')
    const rest: readonly LooseRecord[] = [
        {
            kind: "certificate",
            keyId: canonicalKeyIdOf(sealedRoot.key),
            gun: SAMPLE_GUN,
            pem: Buffer.from(sealedRoot.key.public).toString("latin1"),
        },
        {
            kind: "close",
            plan: sha256(close).toString("hex"),
            keyId: canonicalKeyIdOf(targets.key),
            scheme: "ecdsa",
            at: AT,
            bytes: close,
            signature: Buffer.alloc(64, 1),
        },
        {
            kind: "key-file",
            keyId: canonicalKeyIdOf(targets.key),
            pem: await keyFile(canonicalKeyIdOf(targets.key)),
        },
        { kind: "key-file-passphrase", passphrase: new Secret(Buffer.from("of the key files")) },
    ]
    const { identity, recipient } = makeAgeIdentity()
    using _ = identity
    const { set, shares } = await createShares(identity, 2, 3)
    for (const { value } of shares) value[Symbol.dispose]()
    const all: readonly LooseRecord[] = [group, ...keys.toSorted((a, b) => (a.id < b.id ? -1 : 1)), ...lineages, ...rest]
    const head: HeadRecord = {
        kind: "head",
        created: AT,
        program: "trustkeyd 0.1.0",
        audit: { sequence: 7, hash: "ab".repeat(32) },
        counts: countsOf(all),
        recipients: [recipient],
        shares: encodeShareSet(set).toString("utf8"),
    }
    return [head, { kind: "policy", content: Buffer.from('log_level = "info"\n') }, ...all]
}

/** What a head has to announce of these. */
export function countsOf(records: readonly BackupRecord[]): BackupCounts {
    const count = (kind: BackupRecord["kind"]): number => records.filter((record) => record.kind === kind).length
    return {
        groups: count("group"),
        keys: count("key"),
        lineages: count("lineage"),
        certificates: count("certificate"),
        closes: count("close"),
    }
}

/** The bytes of an archive of these. */
export function archiveOf(records: readonly LooseRecord[]): Buffer {
    const writer = new BackupWriter()
    return Buffer.concat([...records.flatMap((record) => writer.add(record)), ...writer.end().bytes])
}

/** A member as it stands in an archive: its header too, which a test may change. */
export type RawMember = { readonly name: string; readonly header: Buffer; readonly content: Buffer }

/** The members of an archive that is whole, the end among them. */
export function membersOf(archive: Buffer): readonly RawMember[] {
    const members: RawMember[] = []
    for (let at = 0; at < archive.length - TAR_END.length; ) {
        const header = archive.subarray(at, at + TAR_BLOCK)
        const { name, size } = tarClaims(header) ?? { name: "", size: 0 }
        members.push({ name, header, content: archive.subarray(at + TAR_BLOCK, at + TAR_BLOCK + size) })
        at += TAR_BLOCK + size + tarPadding(size)
    }
    return members
}

export function member(name: string, content: string | Uint8Array): RawMember {
    const bytes = Buffer.from(content)
    return { name, header: tarHeader(name, bytes.length, "600"), content: bytes }
}

/** The archive of these, with an end that fits: whoever altered them had what it takes. */
export function resealed(members: readonly RawMember[]): Buffer {
    const before = members.filter(({ name }) => name !== "end.json")
    const bytes = Buffer.concat(before.flatMap(partsOf))
    const end = member("end.json", JSON.stringify({ records: before.length, sha256: sha256(bytes).toString("hex") }))
    return Buffer.concat([bytes, ...partsOf(end), TAR_END])
}

/** The archive of these as they are, whatever their end says. */
export function unsealed(members: readonly RawMember[]): Buffer {
    return Buffer.concat([...members.flatMap(partsOf), TAR_END])
}

function partsOf({ header, content }: RawMember): readonly Buffer[] {
    return [header, content, Buffer.alloc(tarPadding(content.length))]
}

function passphraseWrap(): Wrap {
    return { kind: "passphrase", secret: new Secret(Buffer.from(SAMPLE_PASSPHRASE)), cost: LEAST_COST }
}

/** The fewest rounds there are: what is in it is asked of nobody here. */
async function keyFile(path: string): Promise<Uint8Array> {
    using passphrase = new Secret(Buffer.from("of the key files"))
    using writer = await KeyFileWriter.open("notary", passphrase, 100_000)
    const { pkcs8 } = generatePrivateKey("p256")
    using _ = pkcs8
    return writer.write(pkcs8, { role: "targets", gun: SAMPLE_GUN, path })
}

function stored(key: TestKey, purpose: StoredKey["purpose"], more: Pick<StoredKey, "home"> & Partial<StoredKey>): StoredKey {
    const role = purpose === "delegation" ? parseRoleName("targets/releases") : parseRoleName(purpose)
    return {
        id: canonicalKeyIdOf(key.key),
        publicKey: bareKey(key.key),
        algorithm: "p256",
        purpose,
        label: `the ${purpose} key`,
        bindings: [{ gun: SAMPLE_GUN, role }],
        origin: "generated",
        createdAt: AT,
        ...more,
    }
}

async function keyRecord(key: StoredKey, more: { readonly wrap?: Wrap; readonly instead?: readonly Instead[] }): Promise<KeyRecord> {
    const { wrap, instead } = more
    using content = new Secret(Buffer.from("what stands for a private key"))
    return {
        kind: "key",
        id: key.id,
        facts: encodeKeyFacts(key),
        ...(wrap === undefined ? {} : { envelope: await seal(content, sealedKeyFacts(key), [wrap]) }),
        ...(instead === undefined ? {} : { instead }),
    }
}

type LineageOptions = {
    readonly at: Date
    readonly retiredAt?: string
    readonly waiting?: readonly BuiltFile[]
    readonly voided?: readonly BuiltFile[]
    readonly pending?: readonly BuiltFile[]
}

function lineage(repository: TestRepository, options: LineageOptions): readonly LooseRecord[] {
    const { waiting = [], voided = [], pending = [] } = options
    const roots = repository.roots
    const [first] = roots
    if (first === undefined) throw new Error("no root")
    const published = repository.files.toSorted((a, b) => (a.role < b.role ? -1 : 1))
    const documents = published.filter(({ role }) => role !== ROOT)
    const marks = new Map<RoleName, BuiltFile>([...published, ...waiting, ...pending].map((file) => [file.role, file]))
    const record: LineageRecord = {
        kind: "lineage",
        gun: repository.builder.gun,
        lineage: versionOf(first).sha256,
        origin: "born",
        at: options.at.toISOString(),
        ...(options.retiredAt === undefined ? {} : { retiredAt: options.retiredAt }),
        marks: [...marks].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => ({ ...versionOf(file), expires: expiresOf(file) })),
        published: published.map(versionOf),
        roots: roots.length,
        documents: documents.map(versionOf),
        outbox: waiting.map((file) => ({ ...versionOf(file), at: AT })),
        promises: voided.length + pending.length,
    }
    const keyId = canonicalKeyIdOf(repository.keys.targets[0]?.key ?? repository.releases.key)
    const promise = (file: BuiltFile): Omit<Extract<BackupRecord, { kind: "promise" }>, "signature" | "voided"> => {
        return {
            kind: "promise",
            ...versionOf(file),
            keyId,
            scheme: "ecdsa",
            at: AT,
            bytes: parseFile(file.content, file.role).signed.bytes,
        }
    }
    return [
        record,
        ...roots.map(({ version, content }) => ({ kind: "root", version, content }) as const),
        ...waiting.map((file) => ({ kind: "waiting", ...versionOf(file), at: AT, content: file.content }) as const),
        ...documents.map((file) => ({ kind: "document", ...versionOf(file), content: file.content }) as const),
        ...voided.map((file) => ({ ...promise(file), voided: { at: AT, by: "uid:0(root)" } })),
        ...pending.map((file) => ({ ...promise(file), signature: Buffer.alloc(64, 2) })),
    ]
}

function versionOf({ role, version, content }: BuiltFile): RoleVersion {
    return { role, version, sha256: parseFile(content, role).signed.sha256 }
}

function expiresOf({ role, content }: BuiltFile): string {
    return parseFile(content, role).signed.document.expires.toISOString()
}
