import assert from "node:assert/strict"
import { writeFile } from "node:fs/promises"
import path from "node:path"
import { before, describe, test } from "node:test"
import { type BackupRecord, MemberReader } from "../../../src/backup/index.ts"
import { ArchiveFile } from "../../../src/cli/backup/archive-file.ts"
import { type RestoreOptions, restore } from "../../../src/cli/backup/restore.ts"
import type { DaemonBackups, RestoreChange, RestoreOutcome, RestoreRecord } from "../../../src/cli/daemon-backups-types.ts"
import { type AgeOpener, AgeWriter, identitiesIn, makeAgeIdentity } from "../../../src/crypto/index.ts"
import { archiveOf, sampleRecords } from "../../support/backup-sample.ts"
import { makeWorkingDirectory } from "../../support/temp.ts"
import { fakeDaemon } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal } from "./fake-terminal.ts"

const PLAN: RestoreOutcome = {
    done: false,
    digest: "dd".repeat(32),
    madeAt: "2026-11-20T12:00:00.000Z",
    madeHere: false,
    records: 30,
    added: 27,
    raised: 1,
    differing: 1,
    same: 1,
    auditSequence: 7,
    auditHead: "ab".repeat(32),
}
const CHANGES: readonly RestoreChange[] = [
    ...Array.from({ length: 25 }, (_, index) => change("add", "key", { name: String(index).padStart(64, "0") })),
    change("raise", "mark", { gun: "registry.example.com/team/app", role: "targets", text: "from version 3 to version 4" }),
    change("differs", "group", { name: "release", text: "it has another envelope\u001b[2J" }),
]

function change(kind: string, subject: string, more: Partial<RestoreChange>): RestoreChange {
    return { kind, subject, name: "", gun: "", role: "", text: "", ...more }
}

let sample: { readonly archive: Buffer; readonly fingerprint: string }

before(async () => {
    const archive = archiveOf(await sampleRecords())
    const end = /"fingerprint":"([0-9a-f]{64})"|"sha256":"([0-9a-f]{64})"/.exec(archive.subarray(-4096).toString("latin1"))
    sample = { archive, fingerprint: end?.[1] ?? end?.[2] ?? assert.fail("the archive has no end") }
})

type Call = {
    readonly request: Parameters<DaemonBackups["restore"]>[0]
    readonly records: readonly RestoreRecord[]
}
type Run = { readonly calls: readonly Call[]; readonly printed: string; readonly remarks: string; readonly error: unknown }

async function run(
    options: RestoreOptions,
    given: {
        readonly typed?: readonly string[]
        readonly plan?: Partial<RestoreOutcome>
        readonly changes?: readonly RestoreChange[]
        readonly content?: Buffer
    } = {},
): Promise<Run> {
    await using directory = await makeWorkingDirectory("restore")
    const file = path.join(directory.path, "backup.age")
    const { identity, recipient } = makeAgeIdentity()
    using writer = await AgeWriter.open({ kind: "x25519", recipients: [recipient] })
    await writeFile(file, Buffer.concat([writer.header, writer.write(given.content ?? sample.archive), writer.end()]))
    const calls: Call[] = []
    const daemon = fakeDaemon({
        backups: {
            restore: async (request, records, onChange) => {
                const taken: RestoreRecord[] = []
                for await (const record of records) taken.push(record)
                calls.push({ request, records: taken })
                for (const each of given.changes ?? CHANGES) onChange(each)
                return { ...PLAN, ...given.plan, done: request.confirm !== undefined }
            },
        } as DaemonBackups,
    })
    const terminal = fakeTerminal(given.typed === undefined ? {} : { typed: given.typed })
    const cli = Object.assign(fakeCli(terminal), { daemon: async () => daemon })
    const opener: AgeOpener = { kind: "identities", identities: identitiesIn(identity) }
    let error: unknown
    try {
        await restore(cli, new ArchiveFile(file, opener), options)
    } catch (thrown) {
        error = thrown
    }
    return { calls, printed: terminal.printed(), remarks: terminal.remarks(), error }
}

describe("a restore", () => {
    test("is shown first, then typed, and then sent again with the digest of what was shown", async () => {
        const typed = sample.fingerprint.slice(0, 16).toUpperCase().replaceAll(/.{4}/g, "$& ")
        const { calls, printed, remarks, error } = await run({}, { typed: [typed] })
        assert.equal(error, undefined)
        assert.deepEqual(
            calls.map(({ request }) => request),
            [
                { fingerprint: sample.fingerprint },
                { fingerprint: sample.fingerprint, confirm: { typed: sample.fingerprint.slice(0, 16), digest: PLAN.digest } },
            ],
        )
        assert.match(printed, /^would add +27 of 30 records$/m)
        assert.match(printed, /^raise +mark +registry\.example\.com\/team\/app +targets +from version 3 to version 4$/m)
        assert.match(printed, /^and 5 more of "add key"$/m)
        assert.match(printed, /another envelope\\u\{1b\}\[2J$/m)
        assert.match(printed, /^Restored the backup of 2026-11-20T12:00:00\.000Z: 27 records added, 1 raised\.$/m)
        assert.match(remarks, /show the daemon what is published before they sign/)
    })

    test("gives the daemon the archive's members in their order, and no key file", async () => {
        const [{ records } = assert.fail()] = (await run({ dryRun: true })).calls
        assert.equal(records[0]?.name, "trustkeyd-backup.json")
        assert.equal(records.at(-1)?.name, "end.json")
        assert.deepEqual(
            records.filter(({ name }) => name.startsWith("notary/")),
            [],
        )
        const reader = new MemberReader({ keyFilesLeftOut: true })
        const read: (BackupRecord | undefined)[] = records.map((record) => reader.take(record))
        assert.ok(reader.isOver && read.length > 20)
    })

    test("ends at what was shown, if that was all that was asked for", async () => {
        const { calls, printed } = await run({ dryRun: true, json: true })
        assert.equal(calls.length, 1)
        const { done, added, changes } = JSON.parse(printed)
        assert.deepEqual([done, added, changes.length], [false, 27, 22])
    })

    test("that would change nothing asks for nothing", async () => {
        const { calls, printed } = await run({}, { plan: { added: 0, raised: 0 }, changes: [] })
        assert.equal(calls.length, 1)
        assert.match(printed, /^Nothing to restore: all of it is here\.$/m)
    })

    test("is declined by the fingerprint of another backup, by too few digits, and without a terminal by the lack of --confirm", async () => {
        const wrong = "0123456789abcdef"
        for (const typed of [wrong, sample.fingerprint.slice(0, 15), ""]) {
            const { calls, error } = await run({}, { typed: [typed] })
            assert.deepEqual([calls.length, Reflect.get(Object(error), "code")], [1, "declined"], typed)
        }
        const { calls, error } = await run({})
        assert.deepEqual([calls.length, Reflect.get(Object(error), "code")], [1, "no_terminal"])
        assert.match(String(error), /--confirm/)
        assert.equal((await run({ confirm: sample.fingerprint })).calls.length, 2)
    })

    test("of a file that is cut off, changed, or opens with something else does not come to the daemon", async () => {
        const cut = await run({ confirm: sample.fingerprint }, { content: sample.archive.subarray(0, -2048) })
        assert.deepEqual([cut.calls.length, Reflect.get(Object(cut.error), "code")], [0, "backup_invalid"])
        const changed = Buffer.from(sample.archive)
        const at = changed.indexOf("registry.example.com")
        changed.write("registry.example.org", at, "ascii")
        const { calls, error } = await run({ confirm: sample.fingerprint }, { content: changed })
        assert.deepEqual([calls.length, Reflect.get(Object(error), "code")], [0, "backup_invalid"])
    })
})
