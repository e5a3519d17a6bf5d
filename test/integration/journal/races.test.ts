import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { ROOT, TARGETS } from "../../../src/tuf/index.ts"
import { GUN, JournalRig, Keys, permit } from "./fixtures.ts"

const refused = (code: string) => ({ name: "TrustkeyError", code })

async function begin(rig: JournalRig, keys: Keys): Promise<void> {
    const root = keys.root(1)
    await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, root)
    await rig.journal.release(GUN, [keys.file(root)])
}

/** What the journal says now, and what it says after a restart. */
async function* bothTimes(rig: JournalRig) {
    yield rig.journal.repository(GUN)
    yield (await rig.reopen()).repository(GUN)
}

describe("what happens at the same time", () => {
    test("TK-JRN-1 a publication that is being noted does not lower a mark promised meanwhile", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const promise = (tag: string) =>
            rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, keys.targets(6, tag))
        const [, intent] = await Promise.all([rig.journal.observe(GUN, [keys.file(keys.targets(5))]), promise("ours")])
        assert.equal(rig.journal.repository(GUN)?.marks.get(TARGETS)?.version, 6)
        // TK-JRN-2: twice, since the first refusal must not leave the other content in memory.
        for (const _ of [1, 2]) await assert.rejects(promise("other"), refused("equivocation_refused"))
        assert.equal((await promise("ours")).sequence, intent.sequence)
        for await (const repository of bothTimes(rig)) {
            assert.equal(repository?.marks.get(TARGETS)?.sha256, keys.targets(6, "ours").sha256)
            assert.equal(repository?.documents.get(TARGETS)?.signed.document.version, 5)
        }
    })

    test("a publication that is being noted does not put an older file in a newer one's place", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const body = keys.targets(6, "ours")
        const ours = keys.file(body)
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        await Promise.all([rig.journal.observe(GUN, [keys.file(keys.targets(5))]), rig.journal.release(GUN, [ours])])
        for await (const repository of bothTimes(rig)) {
            assert.equal(repository?.documents.get(TARGETS)?.signed.document.version, 6)
            assert.deepEqual(
                repository?.outbox.map(({ role }) => role),
                ["root", "targets"],
            )
        }
    })

    test("the same publication noted twice is there once", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const one = rig.journal.repository(GUN)?.root
        assert.ok(one)
        const files = [one, keys.file(keys.root(2)), keys.file(keys.targets(5))]
        await Promise.all([rig.journal.observe(GUN, files), rig.journal.observe(GUN, files)])
        for await (const repository of bothTimes(rig)) {
            assert.deepEqual(
                repository?.roots.map((root) => root.signed.document.version),
                [1, 2],
            )
        }
    })

    test("the same files released twice wait once", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const body = keys.targets(2)
        const targets = keys.file(body)
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        await Promise.all([rig.journal.release(GUN, [targets]), rig.journal.release(GUN, [targets])])
        for await (const repository of bothTimes(rig)) {
            assert.deepEqual(
                repository?.outbox.map(({ role }) => role),
                ["root", "targets"],
            )
        }
    })

    test("an older file that is complete only after a newer one does not take its place", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const bodies = [2, 3].map((version) => keys.targets(version))
        for (const body of bodies) await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        for (const body of bodies.reverse()) await rig.journal.release(GUN, [keys.file(body)])
        for await (const repository of bothTimes(rig)) {
            assert.equal(repository?.documents.get(TARGETS)?.signed.document.version, 3)
            assert.deepEqual(
                repository?.outbox.map(({ role, signed }) => [String(role), signed.document.version]),
                [
                    ["root", 1],
                    ["targets", 3],
                ],
            )
        }
    })

    test("one body promised by two keys, asked for by two at once, is promised once by each", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const body = keys.targets(2)
        const others = [keys.record("targets"), new Keys().record("targets")]
        const promise = () => Promise.all(others.map((record) => rig.journal.commitMetadata(permit("sign", TARGETS), record, GUN, body)))
        const [one, two] = await Promise.all([promise(), promise()])
        assert.deepEqual(
            one.map(({ sequence }) => sequence),
            two.map(({ sequence }) => sequence),
        )
    })

    test("a set that is complete only after its lineage has ended is not released into the next", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const body = keys.targets(2)
        const targets = keys.file(body)
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, body)
        await rig.journal.reset(GUN)
        const other = new Keys()
        await begin(rig, other)
        await assert.rejects(rig.journal.release(GUN, [targets]), refused("rollback_refused"))
        for await (const repository of bothTimes(rig)) assert.equal(repository?.documents.size, 0)
    })

    test("a promise made while its version is being voided is voided with it, or stands alone after it", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const two = keys.root(2)
        const promise = (record = keys.record("root")) => rig.journal.commitMetadata(permit("sign", ROOT), record, GUN, two)
        await promise()
        await Promise.all([rig.journal.void(GUN, 2, "uid:0"), promise(new Keys().record("root"))])
        const entries = (await rig.journal.show({ gun: GUN, role: ROOT, after: 0, limit: 100 })).filter(({ version }) => version === 2)
        const standing = entries.filter(({ state }) => state !== "void")
        for await (const repository of bothTimes(rig)) assert.equal(repository?.marks.get(ROOT)?.version, standing.length > 0 ? 2 : 1)
        // One content, whichever came first.
        const other = keys.root(2)
        const taken = rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, other)
        if (standing.length > 0) await assert.rejects(taken, refused("equivocation_refused"))
        else await taken
    })
})

describe("a voided root", () => {
    test("takes what waits with it out of the outbox, and what is published is the newest again", async () => {
        await using rig = await JournalRig.open()
        const keys = new Keys()
        await begin(rig, keys)
        const one = rig.journal.repository(GUN)?.root
        assert.ok(one)
        const published = keys.file(keys.targets(1))
        await rig.journal.observe(GUN, [one, published])
        const [root, targets] = [keys.root(2), keys.targets(2)]
        await rig.journal.commitMetadata(permit("sign", ROOT), keys.record("root"), GUN, root)
        await rig.journal.commitMetadata(permit("sign", TARGETS), keys.record("targets"), GUN, targets)
        await rig.journal.release(GUN, [keys.file(root), keys.file(targets)])
        await rig.journal.void(GUN, 2, "uid:0")
        for await (const repository of bothTimes(rig)) assert.deepEqual(repository?.outbox, [])
        await rig.journal.observe(GUN, [one, published])
        for await (const repository of bothTimes(rig)) {
            assert.equal(repository?.documents.get(TARGETS)?.signed.document.version, 1)
            // The version stays spent.
            assert.equal(repository?.marks.get(TARGETS)?.version, 2)
        }
    })
})
