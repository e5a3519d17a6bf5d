import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { createShares, encodeShareSet, type Member } from "../../../src/backup/index.ts"
import { makeAgeIdentity, openAge, readKeyFile, Secret } from "../../../src/crypto/index.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { canonicalKeyIdOf, tufKey } from "../../../src/tuf/index.ts"
import { configured, KEEPER, membersIn, restore, show, stateOf, TO_KEEPER, takeBackup } from "./backup-rig.ts"
import { ADMIN, CustodyRig, caller, GROUP, PASSPHRASE, Repository, refused } from "./rig.ts"

/** Of the head. */
function headText([head]: readonly Member[]): string {
    return Buffer.from((head ?? assert.fail("no head")).content).toString("utf8")
}

describe("a backup", () => {
    let rig: CustodyRig
    let repository: Repository
    before(async () => {
        rig = await CustodyRig.withGroup()
        configured(rig)
        repository = await Repository.begin(rig)
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }))
    })
    after(() => rig?.[Symbol.asyncDispose]())

    test("TK-BAK-1 leaves the signer encrypted for its recipients, and carries the marks, with everything that brings the keys back", async () => {
        const { head: audit } = rig.audit
        const { file, facts } = await takeBackup(rig)
        assert.ok(file.toString("latin1", 0, 21).startsWith("age-encryption.org/v1"))
        assert.equal(file.indexOf("targets"), -1)
        const members = await membersIn(file)
        const names = members.map(({ name }) => name)
        assert.deepEqual(names.slice(0, 4), ["trustkeyd-backup.json", "README.txt", "policy/trustkeyd.toml", `groups/${GROUP}.json`])
        assert.equal(names.filter((name) => name.startsWith("keys/")).length, 3)
        const lineage = JSON.parse(
            Buffer.from(members.find(({ name }) => name === "repositories/0/lineage.json")?.content ?? "").toString(),
        )
        const marks = lineage.marks.map(({ role, version }: { role: string; version: number }) => [role, version])
        assert.deepEqual(marks, [
            ["root", 1],
            ["snapshot", 2],
            ["targets", 2],
        ])
        assert.deepEqual([facts.keys, facts.without, facts.repositories, facts.keyFiles], [3, 0, 1, 0])
        assert.equal(facts.bytes, file.length)
        const policy = members.find(({ name }) => name === "policy/trustkeyd.toml") ?? assert.fail("no policy")
        assert.deepEqual(Buffer.from(policy.content), rig.backup.configuration)
        assert.deepEqual(JSON.parse(headText(members)).audit, audit)
        const [record] = (await rig.custody.listAudit(ADMIN, { after: 0, limit: 1, newest: true })) ?? []
        assert.deepEqual([record?.action, record?.outcome, record?.detail["fingerprint"]], ["backup", "ok", facts.fingerprint])
    })

    test("counts as the last one when it was kept, and not before", async () => {
        const { facts } = await takeBackup(rig)
        assert.notEqual((await rig.custody.status(ADMIN)).backup?.last?.fingerprint, facts.fingerprint)
        assert.equal((await rig.custody.status(ADMIN)).backup?.backupOverdue, true)
        await rig.custody.keptBackup(ADMIN, facts)
        assert.deepEqual((await rig.custody.status(ADMIN)).backup?.last, facts)
        assert.equal((await rig.custody.status(ADMIN)).backup?.backupOverdue, false)
        await assert.rejects(rig.custody.keptBackup(ADMIN, { fingerprint: "0".repeat(64) }), refused("not_found"))
        const weeks = 15 * 86_400_000
        rig.now = () => new Date(Date.now() + weeks)
        assert.equal((await rig.custody.status(ADMIN)).backup?.backupOverdue, true)
        rig.now = () => new Date()
    })

    test("TK-BAK-1 is made for nobody else's recipients at the wish of a CI account, nor with key files", async () => {
        const ci = caller("ci")
        rig.allow([{ who: ci, do: ["backup"] }])
        const mine: Principal = ci
        const { facts } = await takeBackup(rig, {}, mine)
        assert.deepEqual(facts.recipients, [KEEPER.recipient])
        const to = { kind: "x25519", recipients: [makeAgeIdentity().recipient] } as const
        await assert.rejects(takeBackup(rig, { to }, mine), refused("denied"))
        const also = { kind: "x25519", recipients: [KEEPER.recipient, makeAgeIdentity().recipient] } as const
        await assert.rejects(takeBackup(rig, { to: also }, mine), refused("denied"))
        await assert.rejects(takeBackup(rig, { keyFiles: { sources: [], passphrase: undefined } }, mine), refused("denied"))
        for (const purpose of ["backup-passphrase", "backup-files", "backup"])
            for (const subject of ["backup", `backup:${TO_KEEPER}`, `group:${GROUP}:${TO_KEEPER}`])
                await assert.rejects(rig.custody.challenge(mine, { purpose, subject }), refused("denied"))
        await assert.rejects(takeBackup(rig, {}, caller("stranger")), refused("denied"))
        assert.equal((await rig.custody.status(mine)).backup?.recipients[0], KEEPER.recipient)
        assert.equal((await rig.custody.status(caller("stranger"))).backup, undefined)
        rig.allow([])
    })

    test("has no key files of a group that is merely unlocked: its passphrase is given for it, and for its recipients alone", async () => {
        const group = { group: GROUP }
        const subject = `group:${GROUP}:${TO_KEEPER}`
        const source = async (to: string, passphrase: string) => ({
            subject: group,
            passphrase: await rig.seal("backup", `group:${GROUP}:${to}`, passphrase),
        })
        const wrong = { sources: [await source(TO_KEEPER, "not this one")], passphrase: undefined }
        await assert.rejects(takeBackup(rig, { keyFiles: wrong }), refused("open_failed"))
        // A passphrase that was given for others opens nothing here.
        const elsewhere = { sources: [await source("0".repeat(64), PASSPHRASE)], passphrase: undefined }
        await assert.rejects(takeBackup(rig, { keyFiles: elsewhere }), refused("challenge_expired"))
        const right = { sources: [{ subject: group, passphrase: await rig.seal("backup", subject, PASSPHRASE) }], passphrase: undefined }
        const { file, facts } = await takeBackup(rig, { keyFiles: right })
        assert.equal(facts.keyFiles, 3)
        const members = await membersIn(file)
        const text = members.find(({ name }) => name === "notary/passphrase.txt")?.content ?? assert.fail("no passphrase")
        using made = new Secret(Buffer.from(text.subarray(0, -1)))
        for (const { name, content } of members.filter(({ name }) => name.endsWith(".key"))) {
            const [entry] = readKeyFile(Buffer.from(content))
            assert.equal(`notary/${canonicalKeyIdOf(tufKey(entry?.open(made).publicKey ?? assert.fail()))}.key`, name)
        }
    })

    test("ends when everything is locked meanwhile, by name, and is no file", async () => {
        const before = await rig.records("backup")
        let pieces = 0
        const broken = takeBackup(rig, {
            take: async () => {
                pieces += 1
                if (pieces === 1) await rig.custody.lockAll("test")
            },
        })
        await assert.rejects(broken, refused("signer_unavailable"))
        assert.deepEqual((await rig.records("backup")).slice(before.length), [{ outcome: "signer_unavailable", who: ADMIN.name }])
        await rig.openGroup()
        const { file } = await takeBackup(rig)
        assert.ok((await membersIn(file)).length > 5)
    })

    test("is for a passphrase, too, which nobody but the signer sees", async () => {
        const sealed = await rig.seal("backup-passphrase", "backup", "a passphrase for the backup")
        const { file, facts } = await takeBackup(rig, { to: { kind: "passphrase", sealed } })
        assert.deepEqual(facts.recipients, [])
        using passphrase = new Secret(Buffer.from("a passphrase for the backup"))
        let bytes = 0
        async function* source() {
            yield file
        }
        for await (const piece of openAge(source(), { kind: "passphrase", passphrase })) bytes += piece.length
        assert.ok(bytes > 5000)
    })

    test("for others than the holders of shares says nothing of shares, and is good", async () => {
        const { set } = await createShares(KEEPER.identity, 2, 3)
        const shares = encodeShareSet(set).toString("utf8")
        const before = rig.backup
        rig.backup = { ...before, shares }
        const own = await membersIn((await takeBackup(rig)).file)
        assert.equal(JSON.parse(headText(own)).shares.set, set.set)
        const another = makeAgeIdentity()
        const to = { kind: "x25519", recipients: [another.recipient] } as const
        const members = await membersIn((await takeBackup(rig, { to })).file, another)
        assert.equal("shares" in JSON.parse(headText(members)), false)
        assert.equal((await show(rig, members)).outcome.differing, 0)
        rig.backup = before
    })

    test("taken in where it was made changes nothing", async () => {
        const { file } = await takeBackup(rig)
        const members = await membersIn(file)
        const before = stateOf(rig)
        const { outcome, said } = await restore(rig, members)
        assert.deepEqual([said, outcome.done, outcome.added, outcome.raised, outcome.differing], [[], true, 0, 0, 0])
        assert.deepEqual(stateOf(rig), before)
    })

    test("TK-JRN-4 brings everything back on an empty machine: the next tag is signed, and no version again", async () => {
        const { file } = await takeBackup(rig)
        const members = await membersIn(file)
        await using empty = await CustodyRig.open()
        const { outcome, said } = await show(empty, members)
        assert.equal(outcome.done, false)
        assert.equal(said.filter(({ kind, subject }) => kind === "add" && subject === "key").length, 3)
        assert.deepEqual(empty.rig.journal.repositories(), [])
        await restore(empty, members)
        assert.deepEqual(stateOf(empty), stateOf(rig))
        await empty.openGroup()
        await assert.rejects(empty.custody.signSet(ADMIN, repository.targetsSet(1, { v1: "other" })), refused("rollback_refused"))
        await assert.rejects(empty.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "other" })), refused("equivocation_refused"))
        await empty.custody.signSet(ADMIN, repository.targetsSet(3, { v1: "one", v2: "two" }))
        await empty.restart()
        assert.equal(
            empty.rig.journal.repository(repository.gun)?.marks.get(repository.targetsSet(3, {}).bodies[0]?.role ?? assert.fail())?.version,
            3,
        )
    })
})
