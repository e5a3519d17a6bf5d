import assert from "node:assert/strict"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, test } from "node:test"
import { parseGun, parseRoleName, ROOT, TARGETS } from "../../../src/tuf/index.ts"
import { GUN, JournalRig, Keys, permit, permitCeremony } from "./fixtures.ts"

const refused = (code: string) => ({ name: "TrustkeyError", code })

/** A repository with root 1 promised and released, and targets 2 promised. */
async function begun(rig: JournalRig, keys: Keys): Promise<void> {
    const root = keys.root(1)
    await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, root)
    await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(2))
    await rig.journal.release(GUN, [keys.file(root)])
}

describe("the journal", () => {
    test("TK-JRN-1 refuses a version below the mark, also after a restart", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(1)),
            refused("rollback_refused"),
        )
        const journal = await rig.reopen()
        await assert.rejects(
            journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(1)),
            refused("rollback_refused"),
        )
    })

    test("TK-JRN-2 refuses other content for a promised version, whichever key asks", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const other = keys.targets(2, "v2")
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, other),
            refused("equivocation_refused"),
        )
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", TARGETS), new Keys().record("targets"), GUN, other),
            refused("equivocation_refused"),
        )
    })

    test("TK-JRN-2 keeps one content when two requests for a version race", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const bodies = ["a", "b", "c", "d"].map((tag) => keys.targets(3, tag))
        const outcomes = await Promise.allSettled(
            bodies.map((body) => rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)),
        )
        assert.deepEqual(
            outcomes.map(({ status }) => status),
            ["fulfilled", "rejected", "rejected", "rejected"],
        )
    })

    test("gives a retry the same promise and the signature once made, also after a restart", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const body = keys.targets(3)
        const first = await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        assert.equal(first.signature, undefined)
        await rig.journal.signed(first, Buffer.alloc(64, 1))
        const again = await (await rig.reopen()).commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        assert.equal(again.sequence, first.sequence)
        assert.deepEqual(Buffer.from(again.signature ?? []), Buffer.alloc(64, 1))
    })

    test("keeps the first signature when a retry raced and made another", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const body = keys.targets(3)
        const commit = () => rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        const [one, two] = await Promise.all([commit(), commit()])
        assert.equal(one.sequence, two.sequence)
        await rig.journal.signed(one, Buffer.alloc(64, 1))
        assert.deepEqual(Buffer.from(await rig.journal.signed(two, Buffer.alloc(64, 2))), Buffer.alloc(64, 1))
    })

    test("lets every role but root skip versions", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(9))
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, keys.root(3)),
            refused("root_rejected"),
        )
        await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, keys.root(2))
    })

    test("begins a lineage with root version 1 and with nothing else", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(1)),
            refused("repository_unknown"),
        )
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, keys.root(2)),
            refused("repository_unknown"),
        )
        const root = keys.root(1)
        await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, root)
        assert.equal(rig.journal.repository(GUN)?.lineage, root.sha256)
        assert.equal((await rig.reopen()).repository(GUN)?.lineage, root.sha256)
    })

    test("is not talked into another place than the permit's", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("root"), GUN, keys.root(1)),
            refused("internal"),
        )
    })

    test("voids an unpublished root on the record, and takes another content for its version then", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const two = keys.root(2)
        await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, two)
        await rig.journal.release(GUN, [keys.file(two)])
        assert.equal(rig.journal.repository(GUN)?.root?.signed.document.version, 2)
        await rig.journal.void(GUN, 2, "uid:0(root)")
        for (const journal of [rig.journal, await rig.reopen()]) {
            assert.equal(journal.repository(GUN)?.root?.signed.document.version, 1)
            assert.equal(journal.repository(GUN)?.marks.get(ROOT)?.version, 1)
        }
        const other = keys.root(2)
        assert.notEqual(other.sha256, two.sha256)
        await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, other)
        const entries = await rig.journal.show({ gun: GUN, role: ROOT, after: 0, limit: 100 })
        assert.deepEqual(
            entries.map(({ version, state }) => [version, state]),
            [
                [1, "promised"],
                [2, "void"],
                [2, "promised"],
            ],
        )
    })

    test("refuses to void a root that was seen published", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const root = rig.journal.repository(GUN)?.root
        assert.ok(root)
        await rig.journal.observe(GUN, [root])
        await assert.rejects(rig.journal.void(GUN, 1, "uid:0"), refused("invalid_request"))
    })

    test("ends the lineage when its root version 1 is voided", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.journal.void(GUN, 1, "uid:0")
        assert.equal((await rig.reopen()).repository(GUN)?.state, "reset")
        const other = keys.root(1)
        await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, other)
        assert.equal(rig.journal.repository(GUN)?.lineage, other.sha256)
    })

    test("keeps files in the outbox until they are seen published, also after a restart", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const targets = keys.file(keys.targets(2))
        await rig.journal.release(GUN, [targets])
        const journal = await rig.reopen()
        assert.deepEqual(
            journal.repository(GUN)?.outbox.map(({ role }) => role),
            ["root", "targets"],
        )
        const root = journal.repository(GUN)?.root
        assert.ok(root)
        assert.deepEqual(await journal.observe(GUN, [root, targets]), ["root", "targets"])
        assert.deepEqual(journal.repository(GUN)?.outbox, [])
        assert.deepEqual((await rig.reopen()).repository(GUN)?.outbox, [])
    })

    test("drops from the outbox what somebody else's publication overtook, and keeps its version spent", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.journal.release(GUN, [keys.file(keys.targets(2))])
        const theirs = keys.file(keys.targets(2, "theirs"))
        assert.deepEqual(await rig.journal.observe(GUN, [theirs]), ["targets"])
        await assert.rejects(
            rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(2, "theirs")),
            refused("equivocation_refused"),
        )
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(3))
    })

    test("TK-JRN-4 raises marks by what is published and never lowers them", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.journal.observe(GUN, [keys.file(keys.targets(7))])
        for (const journal of [rig.journal, await rig.reopen()]) {
            assert.equal(journal.repository(GUN)?.marks.get(TARGETS)?.version, 7)
            await assert.rejects(
                journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(6)),
                refused("rollback_refused"),
            )
        }
    })

    test("notices a server that goes back, or changes what it has published", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.journal.observe(GUN, [keys.file(keys.targets(7))])
        await assert.rejects(rig.journal.observe(GUN, [keys.file(keys.targets(6))]), refused("rollback_detected"))
        await assert.rejects(rig.journal.observe(GUN, [keys.file(keys.targets(7, "other"))]), refused("verification_failed"))
        const root = rig.journal.repository(GUN)?.root
        assert.ok(root)
        await rig.journal.observe(GUN, [root])
        await assert.rejects(rig.journal.observe(GUN, [keys.file(keys.root(1))]), refused("verification_failed"))
    })

    test("does not take a promise of ours that is not published yet for a rollback of the server", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.journal.observe(GUN, [keys.file(keys.targets(3))])
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(5))
        await rig.journal.observe(GUN, [keys.file(keys.targets(4))])
        assert.equal(rig.journal.repository(GUN)?.marks.get(TARGETS)?.version, 5)
    })

    test("adopts a repository made elsewhere with all its marks, once", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        const roots = [keys.file(keys.root(1)), keys.file(keys.root(2))]
        await rig.journal.adopt(GUN, [...roots, keys.file(keys.targets(12))])
        const repository = (await rig.reopen()).repository(GUN)
        assert.equal(repository?.origin, "adopted")
        assert.deepEqual([repository?.marks.get(ROOT)?.version, repository?.marks.get(TARGETS)?.version], [2, 12])
        await assert.rejects(rig.journal.adopt(GUN, [new Keys().file(new Keys().root(1))]), refused("already_exists"))
    })

    test("keeps the marks of a lineage that ended, and holds to them when it comes back", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        const first = keys.file(keys.root(1))
        await rig.journal.adopt(GUN, [first, keys.file(keys.targets(12))])
        await rig.journal.reset(GUN)
        assert.equal(rig.journal.repository(GUN)?.state, "reset")
        await assert.rejects(rig.journal.adopt(GUN, [first, keys.file(keys.targets(11))]), refused("rollback_detected"))
        assert.equal((await rig.reopen()).repository(GUN)?.state, "reset", "what was refused has changed nothing")
        await rig.journal.adopt(GUN, [first, keys.file(keys.targets(12))])
        assert.equal(rig.journal.repository(GUN)?.marks.get(TARGETS)?.version, 12)
    })

    test("marks of one repository say nothing of another", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const role = parseRoleName("targets/releases")
        await rig.journal.commitMetadata(permit("sign", role), keys.record("targets"), GUN, keys.targets(1, "v1", role))
        assert.equal(rig.journal.repository(GUN)?.marks.get(role)?.version, 1)
        assert.equal(rig.journal.repository(GUN)?.marks.get(TARGETS)?.version, 2)
    })

    test("TK-JRN-1 notices at the next start that a mark on disk was lowered", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        await rig.store.close()
        const database = new DatabaseSync(path.join(rig.directory, "trustkeyd.db"))
        database.exec("UPDATE marks SET version = 1 WHERE role = 'targets'")
        database.close()
        await assert.rejects(rig.reopen(), refused("storage_failed"))
    })

    test("keeps the first certificate of a key and a repository", async () => {
        await using rig = await JournalRig.open()
        const { id } = new Keys().record("root")
        assert.equal(await rig.journal.keepCertificate(id, GUN, "one"), "one")
        assert.equal(await rig.journal.keepCertificate(id, GUN, "two"), "one")
        assert.equal((await rig.reopen()).certificate(id, GUN), "one")
    })

    test("TK-JRN-2 promises one close of a ceremony for a key, after a restart too; the same again is a retry", async () => {
        await using rig = await JournalRig.open()
        const key = { ...new Keys().record("root"), purpose: "ceremony" as const, bindings: [] }
        const other = { ...new Keys().record("root"), purpose: "ceremony" as const, bindings: [] }
        const [one, two] = [Buffer.from("one content"), Buffer.from("another content")]
        // Both at once: whichever is first, the other is refused.
        const tried = await Promise.allSettled([
            rig.journal.commitClose(permitCeremony(), key, "2026-a", one),
            rig.journal.commitClose(permitCeremony(), key, "2026-a", two),
        ])
        const [intent] = tried.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []))
        assert.ok(intent)
        assert.deepEqual(
            tried.map(({ status }) => status),
            ["fulfilled", "rejected"],
        )
        assert.deepEqual([intent.kind, intent.gun, intent.lineage, intent.version], ["ceremony-close", "", "2026-a", 0])
        await rig.journal.signed(intent, Buffer.from("a signature"))
        const journal = await rig.reopen()
        const again = await journal.commitClose(permitCeremony(), key, "2026-a", one)
        assert.equal(again.sequence, intent.sequence)
        assert.equal(Buffer.from(again.signature ?? []).toString(), "a signature")
        await assert.rejects(journal.commitClose(permitCeremony(), key, "2026-a", two), refused("equivocation_refused"))
        // Another ceremony, and another key, have their own.
        assert.equal((await journal.commitClose(permitCeremony(), key, "2026-b", two)).signature, undefined)
        assert.equal((await journal.commitClose(permitCeremony(), other, "2026-a", two)).signature, undefined)
        await assert.rejects(journal.commitClose(permitCeremony(), new Keys().record("root"), "2026-a", one), refused("internal"))
    })

    test("promises a card's certificate for a key alone, and again as another promise; no repository moves", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begun(rig, keys)
        const key = keys.record("root")
        const marks = structuredClone([...(rig.journal.repository(GUN)?.marks ?? [])])
        const tbs = Buffer.from("a certificate")
        const intent = await rig.journal.commitCardCertificate(permit("certificate", ROOT), key, tbs)
        assert.deepEqual([intent.kind, intent.gun, intent.lineage, intent.version], ["card-certificate", "", "", 0])
        assert.deepEqual(Buffer.from(intent.bytes), tbs)
        await rig.journal.signed(intent, Buffer.from("a signature"))
        const again = await rig.journal.commitCardCertificate(permit("certificate", ROOT), key, tbs)
        assert.notEqual(again.sequence, intent.sequence)
        const journal = await rig.reopen()
        const entries = (await journal.show({ after: 0, limit: 10 })).filter(({ kind }) => kind === "card-certificate")
        assert.deepEqual(
            entries.map(({ gun, role, keyId, state }) => ({ gun, role, keyId, state })),
            [
                { gun: "", role: "root", keyId: key.id, state: "signed" },
                { gun: "", role: "root", keyId: key.id, state: "promised" },
            ],
        )
        assert.deepEqual([...(journal.repository(GUN)?.marks ?? [])], marks)
        assert.equal(journal.isCertified(key.id), false)
        // TK-POL-3: it is a signature of the key all the same.
        const elsewhere = permit("certificate", ROOT, parseGun("registry.example.com/other"))
        await assert.rejects(journal.commitCardCertificate(elsewhere, key, tbs), refused("internal"))
    })
})
