import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { after, before, describe, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { BackupVerifier, type Member, MemberReader, TAR_BLOCK, tarClaims, tarPadding } from "../../../src/backup/index.ts"
import { openDaemon } from "../../../src/cli/daemon.ts"
import type { BackupPart } from "../../../src/cli/daemon-backups-types.ts"
import type { Daemon as Client } from "../../../src/cli/daemon-types.ts"
import { identitiesIn, makeAgeIdentity, openAge } from "../../../src/crypto/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { type Daemon, startDaemon } from "../../support/daemon.ts"

const KEEPER = makeAgeIdentity()
const refused = (code: string) => ({ name: "TrustkeyError", code })
/** What makes a backup more than a message or two: random names, which nothing makes smaller. */
const GROUPS = 8
const UID = process.getuid?.() ?? 0

describe("backups over the sockets", () => {
    let daemon: Daemon
    let sign: Client
    let admin: Client
    before(async () => {
        daemon = await startDaemon({
            credentials: { "ci-key": "a credential of the tests, long enough" },
            rules: `[backup]\nrecipients = ["${KEEPER.recipient}"]\n[[allow]]\nwho = ["uid:${UID}"]\ndo = ["*"]\n`,
        })
        sign = openDaemon("sign", daemon.signSocket)
        admin = openDaemon("admin", daemon.adminSocket)
        for (let index = 0; index < GROUPS; index += 1)
            await admin.createGroup({ name: `group-${index}`, sealed: undefined, credential: "ci-key" })
        await admin.unlock({ subject: { group: "group-0" }, sealed: undefined, ttlSeconds: 0, uses: 0 })
        for (let index = 0; index < 20; index += 1) {
            const bindings = [{ gun: `registry.example.com/${"long/".repeat(20)}${index}`, role: "targets" }]
            await admin.createKey({ algorithm: "p256", purpose: "targets", label: `key ${index}`, home: { group: "group-0" }, bindings })
        }
    })
    after(async () => {
        sign?.close()
        admin?.close()
        await daemon?.[Symbol.asyncDispose]()
    })

    async function take(client: Client): Promise<{ readonly file: Buffer; readonly fingerprint: string }> {
        const pieces: Uint8Array[] = []
        let fingerprint = ""
        for await (const { data, made } of client.backups.create({ to: { recipients: [] } })) {
            pieces.push(data)
            fingerprint = made?.fingerprint ?? fingerprint
        }
        return { file: Buffer.concat(pieces), fingerprint }
    }

    async function membersIn(file: Buffer): Promise<readonly Member[]> {
        async function* source(): AsyncGenerator<Uint8Array> {
            yield file
        }
        const pieces: Buffer[] = []
        for await (const piece of openAge(source(), { kind: "identities", identities: identitiesIn(KEEPER.identity) })) pieces.push(piece)
        const archive = Buffer.concat(pieces)
        const members: Member[] = []
        for (let at = 0; at + 2 * TAR_BLOCK < archive.length; ) {
            const { name, size } = tarClaims(archive.subarray(at, at + TAR_BLOCK)) ?? assert.fail()
            members.push({ name, content: archive.subarray(at + TAR_BLOCK, at + TAR_BLOCK + size) })
            at += TAR_BLOCK + size + tarPadding(size)
        }
        return members
    }

    async function* given(members: readonly Member[]): AsyncGenerator<Member> {
        yield* members
    }

    test("TK-BAK-1 one for the configuration's recipients is had on both sockets, and is known as the last one by whoever asks for status", async () => {
        for (const client of [sign, admin]) {
            const { file, fingerprint } = await take(client)
            const reader = new MemberReader()
            const verifier = new BackupVerifier()
            const members = await membersIn(file)
            const policy = members.find(({ name }) => name === "policy/trustkeyd.toml")
            assert.equal(Buffer.from(policy?.content ?? "").toString("utf8"), await readFile(daemon.configFile, "utf8"))
            for (const member of members) {
                const record = reader.take(member)
                if (record !== undefined) verifier.take(record)
            }
            assert.equal(verifier.report.fingerprint, fingerprint)
            assert.deepEqual([verifier.report.keys.inGroups, verifier.report.groups.length], [20, GROUPS])
            const { backup } = await client.status()
            assert.deepEqual([backup?.last?.fingerprint, backup?.last?.bytes, backup?.backupOverdue], [fingerprint, file.length, false])
        }
    })

    test("TK-BAK-1 on the sign socket nobody gets one for others, however much he may do, nor takes one in", async () => {
        const mine = { recipients: [makeAgeIdentity().recipient] }
        const partOf = async (client: Client): Promise<number> => {
            let bytes = 0
            for await (const { data } of client.backups.create({ to: mine })) bytes += data.length
            return bytes
        }
        await assert.rejects(partOf(sign), refused("denied"))
        assert.ok((await partOf(admin)) > 1000)
        const members = await membersIn((await take(admin)).file)
        const fingerprint = "ab".repeat(32)
        await assert.rejects(
            sign.backups.restore({ fingerprint }, given(members), () => {}),
            refused("denied"),
        )
        await assert.rejects(sign.backups.recordDrill(Buffer.from("x")), refused("denied"))
        await assert.rejects(sign.backups.prove({ challenge: Buffer.alloc(32), keyIds: ["0".repeat(64)] }), refused("denied"))
    })

    test("one that its caller breaks off ends, and the next ones are made", async () => {
        for (let round = 0; round < 6; round += 1) {
            for await (const { data } of sign.backups.create({ to: { recipients: [] } })) {
                assert.ok(data.length >= 0)
                break
            }
        }
        const { file } = await take(sign)
        assert.ok((await membersIn(file)).length > 20)
    })

    test("one whose signer is killed is refused by name, and is no file", async () => {
        const to = { recipients: [makeAgeIdentity().recipient] }
        const lastKnown = async (): Promise<string | undefined> => (await admin.status()).backup?.last?.fingerprint
        /** Until there is a signer again. */
        const taken = async (): Promise<boolean> => {
            const made = await take(admin).catch((error: unknown) => error)
            if (made instanceof TrustkeyError && made.code === "signer_unavailable") return false
            assert.ok(!(made instanceof Error), String(made))
            return true
        }
        let before: string | undefined
        let ended: unknown
        // On a busy machine the backup may be whole before the kill: then it has to be a whole one, and the next may be slower.
        for (let tries = 0; tries < 20 && ended === undefined; tries += 1) {
            await eventually(taken)
            before = await lastKnown()
            ended = await brokenBy(() => process.kill(signerOf(daemon), "SIGKILL"), admin.backups.create({ to }))
        }
        assert.ok(ended instanceof TrustkeyError && ended.code === "signer_unavailable", String(ended))
        assert.equal(await lastKnown(), before)
        await eventually(taken)
    })

    test("taken in by an empty daemon it is all there, in one call that shows and one that does it, and after a restart too", async () => {
        const { file, fingerprint } = await take(admin)
        const members = await membersIn(file)
        await using empty = await startDaemon({ credentials: { "ci-key": "a credential of the tests, long enough" } })
        const client = openDaemon("admin", empty.adminSocket)
        try {
            const kinds: string[] = []
            const shown = await client.backups.restore({ fingerprint }, given(members), ({ kind, subject }) =>
                kinds.push(`${kind} ${subject}`),
            )
            assert.deepEqual([shown.done, shown.added, shown.madeHere], [false, GROUPS + 20, false])
            assert.equal(kinds.length, GROUPS + 20)
            assert.deepEqual(await client.listKeys({}), [])
            const confirm = { typed: fingerprint.slice(0, 16), digest: shown.digest }
            const done = await client.backups.restore({ fingerprint, confirm }, given(members), () => {})
            assert.deepEqual([done.done, done.added], [true, GROUPS + 20])
            const ids = (await admin.listKeys({})).map(({ id }) => id)
            assert.deepEqual(new Set((await client.listKeys({})).map(({ id }) => id)), new Set(ids))
            const known = await admin.backups.restore({ fingerprint }, given(members), () => {})
            assert.deepEqual([known.madeHere, known.added, known.same], [true, 0, GROUPS + 20])
            await assert.rejects(
                client.backups.restore({ fingerprint }, broken(members), () => {}),
                /our own source/,
            )
            // It has ended there as well, and nobody waits for the rest.
            const outcomes = async (): Promise<readonly string[]> =>
                (await client.listAudit({ after: 0, limit: 1, newest: true })).map(({ outcome }) => outcome)
            await eventually(async () => (await outcomes())[0] === "declined")
            const [, head = assert.fail()] = members
            await assert.rejects(
                client.backups.restore({ fingerprint }, given([head]), () => {}),
                refused("backup_invalid"),
            )
        } finally {
            client.close()
        }
        await empty.stop()
        await using again = await empty.restart()
        const later = openDaemon("admin", again.adminSocket)
        assert.equal((await later.listKeys({})).length, 20)
        later.close()
    })

    test("the recipients are the configuration's of the last reload", async () => {
        const other = makeAgeIdentity()
        const text = await readFile(daemon.configFile, "utf8")
        await writeFile(daemon.configFile, text.replace(KEEPER.recipient, other.recipient), { mode: 0o600 })
        process.kill(daemon.service.pid, "SIGHUP")
        await eventually(async () => (await sign.status()).backup?.recipients[0] === other.recipient)
        assert.deepEqual((await sign.status()).backup?.recipients, [other.recipient])
    })
})

async function eventually(holds: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + 20_000
    while (!(await holds())) {
        if (Date.now() > until) assert.fail("it did not come to that")
        await sleep(50)
    }
}

async function* broken(members: readonly Member[]): AsyncGenerator<Member> {
    yield* members.slice(0, 3)
    throw new Error("our own source")
}

/** What the backup ended with when `strike` fell at its first part, or undefined: it was whole all the same. */
async function brokenBy(strike: () => void, parts: AsyncIterable<BackupPart>): Promise<unknown> {
    let struck = false
    try {
        for await (const { made } of parts) {
            if (!struck) strike()
            struck = true
            if (made !== undefined) return undefined
        }
    } catch (error) {
        return error
    }
    return assert.fail("the stream ended without a backup and without an error")
}

/** The process that holds sealed keys. */
function signerOf(daemon: Daemon): number {
    const children = readFileSync(`/proc/${daemon.service.pid}/task/${daemon.service.pid}/children`, "latin1").trim().split(" ").map(Number)
    return children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("signer-file")) ?? assert.fail("no signer")
}
