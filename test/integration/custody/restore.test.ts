import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { setImmediate } from "node:timers/promises"
import type { Member } from "../../../src/backup/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Change } from "../../../src/storage/index.ts"
import { parseGun, parseRoleName, ROOT } from "../../../src/tuf/index.ts"
import { configured, fingerprintOf, given, KEEPER, membersIn, restore, restoreAs, show, stateOf, takeBackup } from "./backup-rig.ts"
import { ADMIN, CustodyRig, caller, GROUP, Repository, refused, targetsBody } from "./rig.ts"

const TARGETS = parseRoleName("targets")
const OTHER = parseGun("registry.example.com/team/other")

async function membersOf(rig: CustodyRig): Promise<readonly Member[]> {
    configured(rig)
    return await membersIn((await takeBackup(rig)).file)
}

/** With one member's JSON as `change` makes it. What a thief of nothing but the public recipient can do. */
function forged(members: readonly Member[], name: RegExp, change: (value: Record<string, unknown>) => object): readonly Member[] {
    const index = members.findIndex((member) => name.test(member.name))
    const member = members[index] ?? assert.fail(`no member like ${name}`)
    const value: Record<string, unknown> = JSON.parse(Buffer.from(member.content).toString("utf8"))
    return members.with(index, { name: member.name, content: Buffer.from(JSON.stringify(change(value)), "utf8") })
}

describe("a restore", () => {
    let rig: CustodyRig
    let repository: Repository
    let old: readonly Member[]
    before(async () => {
        rig = await CustodyRig.withGroup()
        repository = await Repository.begin(rig)
        old = await membersOf(rig)
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }))
    })
    after(() => rig?.[Symbol.asyncDispose]())

    test("TK-JRN-4 never lowers a mark: an old backup changes nothing of what was signed since", async () => {
        const before = stateOf(rig)
        const { outcome, said } = await restore(rig, old)
        assert.deepEqual([outcome.done, said], [true, []])
        assert.deepEqual(stateOf(rig), before)
        await rig.restart()
        assert.deepEqual(stateOf(rig), before)
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "another" })), refused("equivocation_refused"))
    })

    test("raises the marks of a daemon that is behind, with what was signed, while it runs", async () => {
        await using behind = await CustodyRig.open()
        await restore(behind, old)
        const { said } = await restore(behind, await membersOf(rig))
        assert.deepEqual(
            said.filter(({ kind }) => kind === "raise").map(({ role, text }) => [role, text]),
            [
                ["snapshot", "from 1 to 2"],
                ["targets", "from 1 to 2"],
            ],
        )
        assert.deepEqual(stateOf(behind), stateOf(rig))
        await behind.openGroup()
        assert.deepEqual(
            await behind.custody.outbox(ADMIN, { gun: repository.gun }),
            await rig.custody.outbox(ADMIN, { gun: repository.gun }),
        )
        await assert.rejects(behind.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "another" })), refused("equivocation_refused"))
        await behind.custody.signSet(ADMIN, repository.targetsSet(3, { v1: "one", v2: "two" }))
    })

    test("keeps removed keys removed, and what is here as it is: differences are said", async () => {
        const key = await rig.createKey("delegation", [])
        const members = await membersOf(rig)
        await rig.custody.bindKey(ADMIN, { id: repository.targets.record.id, add: [{ gun: OTHER, role: TARGETS }], remove: [] })
        await rig.custody.removeKey(ADMIN, { id: key.record.id, confirm: key.record.id.slice(0, 8) })
        const before = stateOf(rig)
        const { said } = await restore(rig, members)
        assert.deepEqual(
            said.map(({ kind, name }) => [kind, name]).sort(),
            [
                ["differs", repository.targets.record.id],
                ["removed", key.record.id],
            ].sort(),
        )
        assert.deepEqual(stateOf(rig), before)
        // On an empty machine, and from a backup made since, its tombstone keeps it from coming back.
        await using empty = await CustodyRig.open()
        await restore(empty, await membersOf(rig))
        await restore(empty, members)
        assert.equal(empty.rig.keys.find(key.record.id)?.removedAt !== undefined, true)
    })

    test("brings an envelope that was swapped for another key's to no signature", async () => {
        const members = await membersOf(rig)
        const [one, other] = [repository.targets.record.id, repository.root.record.id]
        const envelope = JSON.parse(
            Buffer.from(members.find(({ name }) => name === `keys/${other}.json`)?.content ?? "").toString(),
        ).envelope
        await using empty = await CustodyRig.open()
        await restore(
            empty,
            forged(members, new RegExp(`^keys/${one}`), (value) => ({ ...value, envelope })),
        )
        await empty.openGroup()
        await assert.rejects(empty.custody.signSet(ADMIN, repository.targetsSet(3, {})), refused("open_failed"))
    })

    test("TK-SIG-2 brings a promise's signature back, which leaves again for the same request, and no other one that somebody put in its place", async () => {
        await using here = await CustodyRig.withGroup()
        const begun = await Repository.begin(here)
        const signed = targetsBody({ version: 2, targets: { v1: "one" } })
        const request = { keyId: begun.targets.record.id, gun: begun.gun, role: TARGETS, signed }
        const made = await here.custody.sign(ADMIN, request)
        const members = await membersOf(here)
        const retriedFrom = async (given: readonly Member[]): Promise<string> => {
            await using empty = await CustodyRig.open()
            await restore(empty, given)
            await empty.openGroup()
            return Buffer.from((await empty.custody.sign(ADMIN, request)).sig).toString("base64")
        }
        assert.equal(await retriedFrom(members), Buffer.from(made.sig).toString("base64"))
        const signature = Buffer.alloc(made.sig.length, 1).toString("base64")
        const other = forged(members, /promises\/0/, (value) => ({ ...value, signature }))
        await assert.rejects(retriedFrom(other), refused("bad_signature"))
    })

    test("takes in no root that is not the lineage's, and then nothing else either", async () => {
        const files = await rig.custody.outbox(ADMIN, { gun: repository.gun })
        await rig.custody.observe(ADMIN, { gun: repository.gun, files: repository.publish(files, 2) })
        const members = await membersOf(rig)
        await using stranger = await CustodyRig.withGroup()
        const theirs = await Repository.begin(stranger)
        const root = (await stranger.custody.outbox(ADMIN, { gun: theirs.gun })).find(({ role }) => role === ROOT)
        const index = members.findIndex(({ name }) => name === "repositories/0/roots/1.json")
        const bad = members.with(index, { name: "repositories/0/roots/1.json", content: root?.content ?? assert.fail() })
        await using empty = await CustodyRig.open()
        await assert.rejects(restore(empty, bad), refused("backup_invalid"))
        assert.deepEqual(stateOf(empty), { keys: [], repositories: [] })
        // The whole of their repository: ours of the same name stays in use, theirs is an ended lineage.
        const { said } = await restore(rig, await membersOf(stranger))
        assert.match(said.find(({ subject }) => subject === "repository")?.text ?? "", /another one is in use here/)
        const now = rig.rig.journal.repository(repository.gun)
        assert.equal(now?.oldLineages.length, 1)
        assert.equal(
            now?.root?.signed.sha256,
            JSON.parse(Buffer.from(members.find(({ name }) => name === "repositories/0/lineage.json")?.content ?? "").toString()).lineage,
        )
        await rig.custody.signSet(ADMIN, repository.targetsSet(4, { v1: "one" }))
        await assert.rejects(rig.custody.signSet(ADMIN, theirs.firstSet()), (error: unknown) => error instanceof TrustkeyError)
    })

    test("leaves keys out that the group of that name here can't open, and says so", async () => {
        await using other = await CustodyRig.withGroup()
        await Repository.begin(other)
        const { said } = await restore(other, old)
        const groups = said.filter(({ subject }) => subject === "group")
        assert.deepEqual(
            groups.map(({ kind, name }) => [kind, name]),
            [["differs", GROUP]],
        )
        assert.equal(said.filter(({ kind, subject }) => kind === "left-out" && subject === "key").length, 3)
        assert.equal(other.rig.keys.find(repository.targets.record.id), undefined)
    })

    test("brings no policy: who may do what stays as the configuration has it", async () => {
        const ci = caller("ci")
        const index = old.findIndex(({ name }) => name === "policy/trustkeyd.toml")
        const generous = old.with(index, {
            name: "policy/trustkeyd.toml",
            content: Buffer.from('[[allow]]\nwho = ["everyone"]\ndo = ["*"]\n'),
        })
        await using empty = await CustodyRig.open()
        await restore(empty, generous)
        await assert.rejects(empty.custody.showTrust(ci, { gun: repository.gun }), refused("denied"))
        await assert.rejects(restore(empty, old, ci), refused("denied"))
    })

    test("attack: TOML that takes minutes to read keeps no daemon from its work: the policy is not read there", async () => {
        const name = "policy/trustkeyd.toml"
        const members = old.map((member) => (member.name === name ? { name, content: Buffer.from(`a${".a".repeat(500_000)} = `) } : member))
        await using empty = await CustodyRig.open()
        const { outcome } = await show(empty, members)
        assert.equal(outcome.done, false)
    })

    test("is begun by nobody who hasn't typed the fingerprint, nor with something else than was shown, nor with half of it", async () => {
        await using empty = await CustodyRig.open()
        const { outcome } = await show(empty, old)
        const { digest } = outcome
        const typed = fingerprintOf(old).slice(0, 16)
        for (const wrong of [typed.slice(0, 15), "0".repeat(16), `${typed.slice(0, 15)}x`])
            await assert.rejects(restoreAs(empty, old, { typed: wrong, digest }), refused("confirmation_required"))
        await assert.rejects(restoreAs(empty, old, { typed, digest: "0".repeat(64) }), refused("backup_invalid"))
        const cut = {
            fingerprint: fingerprintOf(old),
            confirm: { typed, digest },
            records: given(old.slice(0, -1)),
            say: async () => {},
        }
        await assert.rejects(empty.custody.restoreBackup(ADMIN, cut), refused("backup_invalid"))
        const keyFile = { name: `notary/${repository.root.record.id}.key`, content: Buffer.from("x") }
        const more = given([...old.slice(0, -1), keyFile, ...old.slice(-1)])
        await assert.rejects(empty.custody.restoreBackup(ADMIN, { ...cut, records: more }), refused("invalid_request"))
        assert.deepEqual(stateOf(empty), { keys: [], repositories: [] })
    })

    test("is all of it or nothing when the disk fails or somebody else was faster", async () => {
        let failing = false
        const onCommit = (changes: readonly Change[]): void => {
            if (failing && changes.length > 1) throw new TrustkeyError("storage_failed", "the disk is full")
        }
        await using empty = await CustodyRig.open({ onCommit })
        failing = true
        await assert.rejects(restore(empty, old), refused("storage_failed"))
        assert.deepEqual(stateOf(empty), { keys: [], repositories: [] })
        failing = false
        await empty.restart()
        assert.deepEqual(stateOf(empty), { keys: [], repositories: [] })
        await restore(empty, old)
        assert.equal(empty.rig.journal.repositories().length, 1)
    })

    test("is on record as done when it was, though whoever asked for it has gone away before he is told", async () => {
        await using empty = await CustodyRig.open()
        const { outcome } = await show(empty, old)
        const request = {
            fingerprint: fingerprintOf(old),
            confirm: { typed: fingerprintOf(old).slice(0, 16), digest: outcome.digest },
            records: given(old),
            say: async () => {
                throw new TrustkeyError("declined", "the caller has gone away")
            },
        }
        await assert.rejects(empty.custody.restoreBackup(ADMIN, request), refused("declined"))
        assert.equal(empty.rig.journal.repositories().length, 1)
        const records = await empty.custody.listAudit(ADMIN, { after: 0, limit: 2, newest: true })
        assert.deepEqual(
            records.map(({ action, outcome, detail }) => [action, outcome, detail["begun"] ?? false, detail["confirmed"]]),
            [
                ["restore", "ok", true, undefined],
                ["restore", "ok", false, true],
            ],
        )
    })

    test("waits for what runs, and locking doesn't wait for it", async () => {
        await using busy = await CustodyRig.open()
        await restore(busy, old)
        await busy.openGroup()
        const { outcome } = await show(busy, old)
        const going = Promise.withResolvers<void>()
        const to = { kind: "x25519" as const, recipients: [KEEPER.recipient] }
        const slow = busy.custody.createBackup(ADMIN, { to, take: () => going.promise })
        let over = false
        const restoring = restoreAs(busy, old, { typed: fingerprintOf(old).slice(0, 16), digest: outcome.digest }).finally(() => {
            over = true
        })
        const answers = (): Promise<boolean> =>
            Promise.race([busy.custody.listGroups(ADMIN).then(() => true), setImmediate().then(() => false)])
        while (await answers()) await setImmediate()
        await busy.custody.lock(ADMIN, { subject: { group: GROUP } })
        assert.deepEqual([over, busy.rig.keys.groups()[0]?.unlocked], [false, false])
        going.resolve()
        await slow
        await restoring
    })

    test("does not bring back a root that was voided here", async () => {
        await using here = await CustodyRig.withGroup()
        const begun = await Repository.begin(here)
        const files = await here.custody.outbox(ADMIN, { gun: begun.gun })
        await here.custody.observe(ADMIN, { gun: begun.gun, files: begun.publish(files, 1) })
        const second = begun.set([begun.body("root", begun.rootBody(2, { days: 2000 }))], 2)
        await here.custody.signSet(ADMIN, second)
        const members = await membersOf(here)
        await here.custody.voidPromise(ADMIN, { gun: begun.gun, role: ROOT, version: 2, confirm: "void 2" })
        const { said } = await restore(here, members)
        assert.deepEqual(
            said.filter(({ subject }) => subject === "root").map(({ kind, text }) => [kind, text]),
            [["differs", "version 2 was voided here, and stays void"]],
        )
        const marks = here.rig.journal.repository(begun.gun)?.marks
        assert.equal(marks?.get(ROOT)?.version, 1)
        assert.equal(await here.rig.journal.promisedRoot(begun.gun), undefined)
        assert.deepEqual(
            here.rig.journal.repository(begun.gun)?.outbox.filter(({ role }) => role === ROOT),
            [],
        )
        await here.restart()
        // The record of it comes along to an empty machine.
        await using empty = await CustodyRig.open()
        await restore(empty, await membersOf(here))
        const entries = await empty.custody.showJournal(ADMIN, { gun: begun.gun, role: ROOT, after: 0, limit: 100 })
        assert.deepEqual(
            entries.map(({ version, state }) => [version, state]),
            [[2, "void"]],
        )
    })

    test("runs alone: what is asked for meanwhile is done before or after, and nothing is lost", async () => {
        await using busy = await CustodyRig.open()
        await restore(busy, old)
        await busy.openGroup()
        const members = await membersOf(rig)
        const sign = (version: number): Promise<unknown> =>
            busy.custody
                .sign(ADMIN, {
                    keyId: repository.targets.record.id,
                    gun: repository.gun,
                    role: TARGETS,
                    signed: targetsBody({ version, targets: { v1: "one" } }),
                })
                .catch((error: unknown) => error)
        const answers = await Promise.all([sign(10), sign(11), restore(busy, members), sign(12), sign(13)])
        const signed = answers.filter((answer) => !(answer instanceof Error)).length - 1
        assert.ok(signed >= 1)
        const mark = busy.rig.journal.repository(repository.gun)?.marks.get(TARGETS)?.version ?? 0
        assert.ok(mark >= 10)
        await busy.restart()
        assert.equal(busy.rig.journal.repository(repository.gun)?.marks.get(TARGETS)?.version, mark)
    })
})
