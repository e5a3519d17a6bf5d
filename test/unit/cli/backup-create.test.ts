import assert from "node:assert/strict"
import { chownSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import path from "node:path"
import { describe, test } from "node:test"
import { type CreateOptions, createBackup } from "../../../src/cli/backup/create.ts"
import type { BackupPart, DaemonBackup, DaemonBackups } from "../../../src/cli/daemon-backups-types.ts"
import type { Daemon, DaemonStatus } from "../../../src/cli/daemon-types.ts"
import { sha256 } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { makeWorkingDirectory, writeSecret } from "../../support/temp.ts"
import { fakeDaemon, fakeSigner, sampleKey } from "./fake-daemon.ts"
import { fakeCli, fakeTerminal, NOW } from "./fake-terminal.ts"

const FINGERPRINT = "0123456789abcdef".repeat(4)
const NAME = "trustkeyd-20261121T085900Z-0123456789abcdef.age"
const RECIPIENT = `age1${"q".repeat(58)}`
const MADE: DaemonBackup = {
    fingerprint: FINGERPRINT,
    at: "2026-11-21T08:59:00.123Z",
    records: 3,
    bytes: 8,
    keys: 2,
    keyFiles: 0,
    without: 1,
    repositories: 1,
    recipients: [RECIPIENT],
    auditSequence: 9,
    auditHead: "ab".repeat(32),
}
const PARTS: readonly BackupPart[] = [
    { data: Buffer.from("age "), records: 1, total: 3, made: undefined },
    { data: Buffer.from("file"), records: 3, total: 3, made: undefined },
    { data: Buffer.alloc(0), records: 3, total: 3, made: MADE },
]

type Rig = {
    readonly directory: string
    run(
        options: Partial<CreateOptions>,
        at?: { readonly stderrIsTerminal: boolean },
    ): Promise<{ readonly printed: string; readonly remarks: string }>
    /** What the daemon was asked for, and on which socket. */
    readonly asked: { socket: string; request: Parameters<DaemonBackups["create"]>[0] }[]
    /** Which parts the daemon gives; what it throws then. */
    parts: readonly BackupPart[]
    failure: Error | undefined
    /** Of what the daemon is told when the last part was taken. */
    unkept: Error | undefined
    proven: string
    readonly signer: ReturnType<typeof fakeSigner>
    /** What had its name when the daemon was asked for more than the last part. */
    readonly onDisk: string[]
}

async function withRig(check: (rig: Rig) => Promise<void>): Promise<void> {
    await using directory = await makeWorkingDirectory("backups")
    const signer = fakeSigner()
    const rig: Rig = {
        directory: directory.path,
        run,
        asked: [],
        parts: PARTS,
        failure: undefined,
        unkept: undefined,
        proven: "",
        signer,
        onDisk: [],
    }
    const daemonOn = (socket: "sign" | "admin"): Daemon =>
        fakeDaemon({
            socket,
            challenge: signer.challenge,
            getKey: async (id) => sampleKey({ id: id.padEnd(64, "0") }),
            status: async () => {
                const lastDrill = { fingerprint: rig.proven, at: "", keys: 1, without: 0, receipt: "" }
                return { backup: { recipients: [RECIPIENT], lastDrill } } as unknown as DaemonStatus
            },
            backups: {
                create: async function* (request: Parameters<DaemonBackups["create"]>[0]) {
                    rig.asked.push({ socket, request })
                    yield* rig.parts
                    if (rig.failure !== undefined) throw rig.failure
                    rig.onDisk.push(...readdirSync(directory.path))
                    if (rig.unkept !== undefined) throw rig.unkept
                },
            } as unknown as DaemonBackups,
        })
    async function run(
        options: Partial<CreateOptions>,
        at: { readonly stderrIsTerminal: boolean } = { stderrIsTerminal: false },
    ): Promise<{ printed: string; remarks: string }> {
        const terminal = { ...fakeTerminal(), ...at }
        const cli = Object.assign(fakeCli(terminal), { daemon: async (socket: "sign" | "admin" = "sign") => daemonOn(socket) })
        await createBackup(cli, { out: directory.path, ...options })
        return { printed: terminal.printed(), remarks: terminal.remarks() }
    }
    await check(rig)
}

function age(days: number): string {
    const time = new Date(NOW.getTime() - days * 86_400_000).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")
    return `trustkeyd-${time}Z-${String(days).padStart(16, "0")}.age`
}

describe("a backup that is created", () => {
    test("gets a name of its own in a directory, for the configuration's recipients, and says what it is", () =>
        withRig(async ({ run, directory, asked }) => {
            const { printed, remarks } = await run({})
            assert.deepEqual(readdirSync(directory), [NAME])
            assert.equal(readFileSync(path.join(directory, NAME), "utf8"), "age file")
            assert.equal(statSync(path.join(directory, NAME)).mode & 0o777, 0o600)
            assert.deepEqual(asked, [{ socket: "sign", request: { to: { recipients: [] } } }])
            assert.match(printed, /^fingerprint +0123 4567 89ab cdef \(0123456789abcdef/m)
            assert.match(printed, /^keys +2, 1 of them on tokens alone/m)
            assert.match(remarks, /trustkey backup inspect/)
        }))

    test("shows on a terminal how far it is, in one line that goes at the end, and nowhere else", () =>
        withRig(async ({ run, directory }) => {
            const { remarks } = await run({}, { stderrIsTerminal: true })
            const wiped = "\r\u001b[K"
            assert.ok(remarks.startsWith(`\r33% of 3 records\u001b[K\r100% of 3 records\u001b[K${wiped}`), remarks)
            assert.ok(!(await run({ out: path.join(directory, "second.age") })).remarks.includes("records"))
        }))

    test("gets the name that was asked for, and takes the place of nothing", () =>
        withRig(async ({ run, directory }) => {
            const out = path.join(directory, "backup.age")
            assert.equal(JSON.parse((await run({ out, json: true })).printed).file, out)
            symlinkSync("nowhere", path.join(directory, "dangling"))
            for (const taken of ["backup.age", "dangling"])
                await assert.rejects(run({ out: path.join(directory, taken) }), { code: "already_exists" })
            await assert.rejects(run({ out: path.join(directory, "absent/backup.age") }), { code: "not_found" })
            assert.deepEqual(readdirSync(directory).toSorted(), ["backup.age", "dangling"])
        }))

    test("of which the end is missing leaves nothing, whatever is the reason", () =>
        withRig(async (rig) => {
            rig.failure = new TrustkeyError("signer_unavailable", "the signer ended")
            rig.parts = PARTS.slice(0, 2)
            await assert.rejects(rig.run({}), { code: "signer_unavailable" })
            rig.failure = undefined
            await assert.rejects(rig.run({}), { code: "internal" })
            assert.deepEqual(readdirSync(rig.directory), [])
        }))

    test("counts for the daemon when it is on stable storage under its name, and is there although the daemon could not hear of it", () =>
        withRig(async (rig) => {
            await rig.run({})
            assert.deepEqual(rig.onDisk, [NAME])
            rig.unkept = new TrustkeyError("daemon_unreachable", "gone")
            const out = path.join(rig.directory, "second.age")
            await assert.rejects(rig.run({ out }), {
                code: "daemon_unreachable",
                message: `${out} is whole, but the daemon does not count it as the last backup: gone`,
            })
            assert.equal(readFileSync(out, "utf8"), "age file")
        }))

    test("for others than the configuration's recipients is asked for on the admin socket", () =>
        withRig(async ({ run, asked, directory, signer }) => {
            await run({ recipient: [RECIPIENT] })
            const passphraseFile = await writeSecret(directory, "passphrase", "correct horse battery")
            await run({ out: path.join(directory, "second.age"), passphraseFile })
            const [first, second] = asked
            assert.deepEqual(first, { socket: "admin", request: { to: { recipients: [RECIPIENT] } } })
            assert.ok(second !== undefined && "passphrase" in second.request.to && second.socket === "admin")
            assert.equal(signer.open("backup-passphrase", "backup", second.request.to.passphrase), "correct horse battery")
            await assert.rejects(run({ recipient: [RECIPIENT], passphraseFile }), { code: "usage" })
        }))

    test("has passphrases of key files sealed for these recipients alone", () =>
        withRig(async ({ run, asked, directory, signer }) => {
            const keyPassphraseFile = await writeSecret(directory, "keys", "of the keys")
            const filePassphraseFile = await writeSecret(directory, "files", "of the files")
            const { remarks } = await run({ keyFile: ["3fa9c2d1", "group:release"], keyPassphraseFile, filePassphraseFile })
            assert.match(remarks, /^Key files are for whoever has the identity of any of: age1q+$/m)
            const [{ socket, request } = assert.fail()] = asked
            assert.equal(socket, "admin")
            assert.deepEqual(request.to, { recipients: [RECIPIENT] })
            const to = sha256(Buffer.from(RECIPIENT)).toString("hex")
            const [ofKey, ofGroup] = request.keyFiles?.sources ?? []
            const id = "3fa9c2d1".padEnd(64, "0")
            assert.deepEqual([ofKey?.subject, ofGroup?.subject], [{ keyId: id }, { group: "release" }])
            assert.equal(signer.open("backup", `${id}:${to}`, ofKey?.passphrase), "of the keys")
            assert.equal(signer.open("backup", `group:release:${to}`, ofGroup?.passphrase), "of the keys")
            assert.equal(signer.open("backup-files", `backup:${to}`, request.keyFiles?.passphrase), "of the files")
        }))

    test("has the older ones removed that no rule keeps, and nothing else in the directory", () =>
        withRig(async (rig) => {
            const others = [
                "notes.txt",
                "trustkeyd-old.age",
                ".trustkey-0123456789abcdef.unfinished",
                ".trustkey-0000000000000000.unfinished",
            ]
            for (const name of [age(1), age(2), age(3), age(40), ...others]) writeFileSync(path.join(rig.directory, name), "")
            symlinkSync("notes.txt", path.join(rig.directory, age(50)))
            const twoDaysAgo = NOW.getTime() / 1000 - 2 * 86_400
            utimesSync(path.join(rig.directory, ".trustkey-0123456789abcdef.unfinished"), twoDaysAgo, twoDaysAgo)
            utimesSync(path.join(rig.directory, ".trustkey-0000000000000000.unfinished"), NOW, NOW)
            rig.proven = `${"40".padStart(16, "0")}${"0".repeat(48)}`
            const { removed } = JSON.parse((await rig.run({ keepCount: 2, json: true })).printed)
            assert.deepEqual(removed, [age(2), age(3), ".trustkey-0123456789abcdef.unfinished"])
            assert.deepEqual(
                readdirSync(rig.directory).toSorted(),
                [".trustkey-0000000000000000.unfinished", "notes.txt", "trustkeyd-old.age", age(1), age(40), age(50), NAME].toSorted(),
            )
        }))

    test("attack: files of another account count as no backups, and have none of ours removed", () =>
        withRig(async (rig) => {
            for (const name of [age(1), age(2)]) writeFileSync(path.join(rig.directory, name), "")
            const planted = [3, 4, 5].map((minute) => `trustkeyd-20261121T085${minute}00Z-ffffffffffffffff.age`)
            for (const name of planted) {
                writeFileSync(path.join(rig.directory, name), "")
                chownSync(path.join(rig.directory, name), 65_534, 65_534)
            }
            await rig.run({ keepCount: 3 })
            assert.deepEqual(readdirSync(rig.directory).toSorted(), [age(1), age(2), ...planted, NAME].toSorted())
        }))

    test("attack: a daemon that calls it something else writes nowhere else", () =>
        withRig(async (rig) => {
            for (const made of [
                { ...MADE, fingerprint: "/../../stolen".padEnd(64, "0") },
                { ...MADE, at: "yesterday" },
            ]) {
                rig.parts = [...PARTS.slice(0, 2), { data: Buffer.alloc(0), records: 3, total: 3, made }]
                await assert.rejects(rig.run({}), { code: "internal" })
                assert.deepEqual(readdirSync(rig.directory), [])
            }
        }))

    test("that fails takes none of the older ones with it", () =>
        withRig(async (rig) => {
            for (const name of [age(1), age(400)]) writeFileSync(path.join(rig.directory, name), "")
            rig.failure = new TrustkeyError("storage_failed", "no")
            rig.parts = PARTS.slice(0, 2)
            await assert.rejects(rig.run({ keepCount: 1 }), { code: "storage_failed" })
            assert.deepEqual(readdirSync(rig.directory).toSorted(), [age(1), age(400)].toSorted())
            await assert.rejects(rig.run({ out: path.join(rig.directory, "one.age"), keepCount: 1 }), { code: "usage" })
        }))

    test("is never removed itself, although others say that they are newer", () =>
        withRig(async (rig) => {
            const ahead = "trustkeyd-20990101T000000Z-ffffffffffffffff.age"
            writeFileSync(path.join(rig.directory, ahead), "")
            await rig.run({ keepCount: 1 })
            assert.deepEqual(readdirSync(rig.directory).toSorted(), [NAME, ahead].toSorted())
        }))
})
