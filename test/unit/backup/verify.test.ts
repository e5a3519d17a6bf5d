import assert from "node:assert/strict"
import { describe, test } from "node:test"
import {
    type BackedUpKey,
    type BackupReport,
    BackupVerifier,
    type GroupRecord,
    type KeyRecord,
    type LineageRecord,
    readBackup,
} from "../../../src/backup/index.ts"
import { makeAgeIdentity } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { archiveOf, countsOf, type LooseRecord, SAMPLE_GUN, SAMPLE_NOW, sampleRecords } from "../../support/backup-sample.ts"
import { makeKey, TestRepository } from "../../support/repository-builder.ts"

const RECORDS = await sampleRecords()
/** Of the same name, and of other keys throughout. */
const STRANGER = new TestRepository(SAMPLE_GUN, SAMPLE_NOW).publish({}).release({}).rotate()

async function* whole(archive: Buffer): AsyncGenerator<Uint8Array> {
    yield archive
}

async function judge(records: readonly LooseRecord[]): Promise<{ readonly report: BackupReport; readonly keys: readonly BackedUpKey[] }> {
    const verifier = new BackupVerifier()
    const keys: BackedUpKey[] = []
    for await (const record of readBackup(whole(archiveOf(recounted(records))))) {
        const key = verifier.take(record)
        if (key !== undefined) keys.push(key)
    }
    return { report: verifier.report, keys }
}

function recounted(records: readonly LooseRecord[]): readonly LooseRecord[] {
    return records.map((record) => (record.kind === "head" ? { ...record, counts: countsOf(records) } : record))
}

/** Every record for which `change` has something else. */
function altered(change: (record: LooseRecord, index: number) => LooseRecord | undefined): readonly LooseRecord[] {
    const records = RECORDS.map((record, index) => change(record, index) ?? record)
    assert.notDeepEqual(records, RECORDS)
    return records
}

function key(change: (record: KeyRecord) => KeyRecord | undefined): readonly LooseRecord[] {
    return altered((record) => (record.kind === "key" ? change(record) : undefined))
}

/** The lineage in use of SAMPLE_GUN. */
function lineage(change: (record: LineageRecord) => LineageRecord): readonly LooseRecord[] {
    return altered((record) =>
        record.kind === "lineage" && record.gun === SAMPLE_GUN && record.retiredAt === undefined ? change(record) : undefined,
    )
}

describe("a verified backup", () => {
    test("is summed up by what opens its keys and what it brings back", async () => {
        const { report, keys } = await judge(RECORDS)
        assert.deepEqual(report.keys, { own: 1, inGroups: 2, onTokens: 1, withoutWayBack: 0, removed: 1 })
        assert.deepEqual(report.groups, [{ name: "release", opens: [{ kind: "passphrase", name: "" }], keys: 2 }])
        assert.equal(report.repositories, 2)
        assert.equal(report.retired, 1)
        assert.equal(report.keyFiles, 1)
        assert.equal(report.keyFilePassphrase, true)
        assert.deepEqual(report.warnings, [])
        assert.equal(report.head.audit.sequence, 7)
        const onToken = keys.find(({ instead }) => instead !== undefined)
        assert.deepEqual(
            onToken?.instead?.map(({ how }) => how),
            ["copy", "holders"],
        )
        assert.deepEqual(keys.map(({ opens }) => opens.map(({ kind, name }) => `${kind} ${name}`).join()).toSorted(), [
            "",
            "",
            "group release",
            "group release",
            "passphrase ",
        ])
    })

    test("says of a key on a token that nothing brings its repository back", async () => {
        const lonely = key((record) => {
            if (record.instead === undefined) return undefined
            const facts: Record<string, unknown> = JSON.parse(record.facts)
            return { ...record, facts: JSON.stringify({ ...facts, bindings: [], copies: undefined }), instead: [] }
        })
        const { report } = await judge(lonely)
        assert.equal(report.keys.withoutWayBack, 1)
        assert.match(report.warnings[0]?.text ?? "", /nothing in this backup brings back/)
    })

    test("says of a key on a token that something else brings its repository back than it claims", async () => {
        const { report } = await judge(
            key((record) => (record.instead === undefined ? undefined : { ...record, instead: record.instead.slice(0, 1) })),
        )
        assert.match(report.warnings.map(({ record, text }) => `${record}: ${text}`).join(), /^keys\/.* something else brings back/)
    })

    test("may hold what somebody else published under a version that was promised here", async () => {
        const { report } = await judge(
            lineage((record) => ({
                ...record,
                marks: record.marks.map((mark) => (mark.role === "timestamp" ? { ...mark, sha256: "0".repeat(64) } : mark)),
            })),
        )
        assert.deepEqual(report.warnings, [])
    })

    test("may have what was kept for a key that a restore left out: that is said", async () => {
        const isKept = new Set(
            RECORDS.flatMap((record) => (record.kind === "certificate" || record.kind === "close" ? [record.keyId] : [])),
        )
        const without = RECORDS.filter((record) => record.kind !== "key-file" && !(record.kind === "key" && isKept.has(record.id)))
        const { report } = await judge(without)
        assert.equal(isKept.size, 2)
        assert.deepEqual(
            report.warnings.map(({ record, text }) => `${record.replace(/[0-9a-f]{64}/, "ID")}: ${text}`),
            [
                "certificates/ID.0.json: the certificate of a key that is not in this backup",
                "closes/0.json: a ceremony closed with a key that is not in this backup",
            ],
        )
    })

    test("may hold a delegation that is not delegated to as it is signed: that is said, and wrong it is not", async () => {
        const other = STRANGER.builder.targets({ role: "targets/releases", version: 1, targets: { v1: "one" }, signers: [makeKey()] })
        const records = withDocument("targets/releases", other.content)
        const { report } = await judge(records)
        assert.match(report.warnings.map(({ text }) => text).join(), /targets\/releases version 1: 0 valid signatures/)
        assert.match(report.warnings[0]?.record ?? "", /^repositories\/1\/documents\/\d\.json$/)
    })
})

describe("a verifier of backups", () => {
    const REFUSED: readonly (readonly [title: string, records: () => readonly LooseRecord[], message: RegExp])[] = [
        [
            "shares for nobody whom it is for",
            () => altered((record) => (record.kind === "head" ? { ...record, recipients: [makeAgeIdentity().recipient] } : undefined)),
            /^trustkeyd-backup\.json: shares is a set for another recipient/,
        ],
        [
            "a share set that was altered",
            () =>
                altered((record) =>
                    record.kind === "head" && record.shares !== undefined
                        ? { ...record, shares: record.shares.replace('"threshold":2', '"threshold":3') }
                        : undefined,
                ),
            /^trustkeyd-backup\.json: .*set of shares was altered/,
        ],
        [
            "a policy that is no TOML",
            () => altered((record) => (record.kind === "policy" ? { ...record, content: Buffer.from("a = ") } : undefined)),
            /^policy\/trustkeyd\.toml: line 1/,
        ],
        ["a group whose envelope is none", () => group({ envelope: Buffer.from("TKEV") }), /^groups\/release\.json: its envelope is none$/],
        [
            "a key whose group is not there",
            () => RECORDS.filter(({ kind }) => kind !== "group"),
            /^keys\/.*: group release opens it, and is not in this backup$/,
        ],
        [
            "an envelope of another key's kind",
            () => key((record) => (record.envelope === undefined ? undefined : { ...record, envelope: Buffer.from("nothing") })),
            /^keys\/.*: its envelope is none$/,
        ],
        [
            "a key of a group that its envelope does not know",
            () => key((record) => renamed(record, '"home":{"kind":"group","group":"release"}', '"home":{"kind":"sealed"}')),
            /^keys\/.*: nothing of its own opens its envelope$/,
        ],
        [
            "a public key of another algorithm",
            () => key((record) => renamed(record, '"algorithm":"p256"', '"algorithm":"p384"')),
            /^keys\/.*: facts\.publicKey is not a key of facts\.algorithm$/,
        ],
        [
            "a lineage under another name",
            () => lineage((record) => ({ ...record, lineage: "0".repeat(64) })),
            /roots\/1\.json: its hash is not the lineage's name$/,
        ],
        [
            "a mark behind a root that is here",
            () =>
                lineage((record) => ({
                    ...record,
                    marks: record.marks.map((mark) => (mark.role === "root" ? { ...mark, version: 1 } : mark)),
                })),
            /^repositories\/1\/lineage\.json: the mark of root is (1, and 2 roots are here|behind)/,
        ],
        [
            "no mark for a document that is here",
            () => lineage((record) => ({ ...record, marks: record.marks.filter(({ role }) => role !== "snapshot") })),
            /^repositories\/1\/lineage\.json: the mark of snapshot is behind/,
        ],
        [
            "a promise of another content than the mark's",
            () =>
                lineage((record) => ({
                    ...record,
                    marks: record.marks.map((mark) => (mark.role === "targets/releases" ? { ...mark, sha256: "0".repeat(64) } : mark)),
                })),
            /^repositories\/1\/promises\/1\.json: it is a promise of another version 2 of targets\/releases than the mark is for$/,
        ],
        [
            "a foreign root in the chain",
            () =>
                altered((record, index) =>
                    record.kind === "root" && record.version === 2 && index > 0 ? { ...record, content: STRANGER.root.content } : undefined,
                ),
            /^repositories\/1\/roots\/2\.json: root version 2: 0 valid signatures by version 1's keys/,
        ],
        [
            "a root file of another version than its name",
            () => altered((record) => (record.kind === "root" && record.version === 2 ? { ...record, content: firstRoot() } : undefined)),
            /^repositories\/1\/roots\/2\.json: it is of version 1$/,
        ],
        [
            "a document of another repository",
            () => withDocument("snapshot", STRANGER.snapshot.content),
            /^repositories\/1\/documents\/0\.json: it is not the version/,
        ],
        ["a file that is no metadata", () => withDocument("targets", Buffer.from("{}")), /^repositories\/1\/documents\/1\.json: targets/],
        [
            "a waiting file of another's",
            () => altered((record) => (record.kind === "waiting" ? { ...record, content: STRANGER.targets.content } : undefined)),
            /^repositories\/1\/outbox\/0\.json: it is not the version/,
        ],
        [
            "a void promise of a role that can't be voided",
            () =>
                altered((record) =>
                    record.kind === "promise" && record.voided === undefined
                        ? { ...record, voided: { at: record.at, by: "uid:0" } }
                        : undefined,
                ),
            /^repositories\/1\/promises\/1\.json: it is void, and only a root's promise can be$/,
        ],
        [
            "a promise that binds, beyond its mark",
            () =>
                altered((record) => {
                    if (record.kind !== "promise" || record.voided === undefined) return undefined
                    const { voided: _, ...binding } = record
                    return binding
                }),
            /^repositories\/1\/promises\/0\.json: the mark of root is behind its version 3, which is here$/,
        ],
        [
            "a certificate of another key",
            () => altered((record) => (record.kind === "certificate" ? { ...record, pem: foreignCertificate() } : undefined)),
            /^certificates\/.*: the certificate holds another key$/,
        ],
        [
            "a key file in clear",
            () => altered((record) => (record.kind === "key-file" ? { ...record, pem: Buffer.from(CLEAR_KEY) } : undefined)),
            /^notary\/.*\.key: /,
        ],
        [
            "a key file that Notary's tools would keep under another name",
            () =>
                altered((record) =>
                    record.kind === "key-file"
                        ? {
                              ...record,
                              pem: Buffer.from(
                                  Buffer.from(record.pem)
                                      .toString()
                                      .replace(/path: .*/, "path: ../root"),
                              ),
                          }
                        : undefined,
                ),
            /^notary\/.*\.key: its header names another key$/,
        ],
        [
            "a key file of a key that it has not",
            () => RECORDS.filter((record) => !(record.kind === "key" && keyFiles().has(record.id))),
            /^notary\/.*\.key: no sealed key of this backup is in it$/,
        ],
        [
            "a key file of a removed key",
            () =>
                key((record) => {
                    if (!keyFiles().has(record.id)) return undefined
                    const { envelope: _, ...rest } = record
                    return { ...rest, facts: JSON.stringify({ ...JSON.parse(record.facts), removedAt: SAMPLE_NOW.toISOString() }) }
                }),
            /^notary\/.*\.key: no sealed key of this backup is in it$/,
        ],
    ]
    for (const [title, records, message] of REFUSED) {
        test(`refuses ${title}, naming the record`, async () => {
            await assert.rejects(judge(records()), (error) => {
                assert.ok(error instanceof TrustkeyError, String(error))
                assert.equal(error.code, "backup_invalid", error.message)
                assert.match(error.message, message)
                return true
            })
        })
    }
})

/** The IDs of keys that stand there in files. */
function keyFiles(): ReadonlySet<string> {
    return new Set(RECORDS.flatMap((record) => (record.kind === "key-file" ? [record.keyId] : [])))
}

const CLEAR_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg
-----END PRIVATE KEY-----
`

function group(change: Partial<GroupRecord>): readonly LooseRecord[] {
    return altered((record) => (record.kind === "group" ? { ...record, ...change } : undefined))
}

function renamed(record: KeyRecord, from: string, to: string): KeyRecord | undefined {
    return record.facts.includes(from) ? { ...record, facts: record.facts.replace(from, to) } : undefined
}

/** The document of that role in the repository that has delegations, with another content. */
function withDocument(role: string, content: Uint8Array): readonly LooseRecord[] {
    const from = RECORDS.findIndex((record) => record.kind === "lineage" && record.gun === SAMPLE_GUN && record.retiredAt === undefined)
    return altered((record, index) =>
        index > from && record.kind === "document" && record.role === role && isOwn(index) ? { ...record, content } : undefined,
    )

    function isOwn(index: number): boolean {
        return !RECORDS.slice(from + 1, index).some(({ kind }) => kind === "lineage")
    }
}

function firstRoot(): Uint8Array {
    const root = RECORDS.find((record) => record.kind === "root" && record.version === 1)
    assert.ok(root?.kind === "root")
    return root.content
}

function foreignCertificate(): string {
    return Buffer.from(STRANGER.keys.root[0]?.key.public ?? "").toString("latin1")
}
