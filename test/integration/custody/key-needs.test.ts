import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { KeyView } from "../../../src/custody/index.ts"
import { certificateKey, parseRoleName } from "../../../src/tuf/index.ts"
import { ADMIN, CustodyRig, caller, GUN, policyOf, Repository, refused, targetsBody } from "./rig.ts"

const ROOT = parseRoleName("root")

async function needsOf(rig: CustodyRig, key: KeyView, who = ADMIN): Promise<readonly (readonly [string, string, string, boolean])[]> {
    const { needs = assert.fail("nothing said of it") } = await rig.custody.getKey(who, { id: key.record.id })
    return needs.map(({ gun, role, kind, needed }) => [gun, role, kind, needed])
}

/** A new root key with its certificate, and a root that names it alone: signed by both. */
async function rotateRoot(rig: CustodyRig, repository: Repository) {
    const fresh = await rig.createKey("root", [{ gun: GUN, role: ROOT }])
    const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: fresh.record.id, gun: GUN })
    const body = repository.rootBody(2, { keys: { ...repository.keys, root: [certificateKey(pem)] } })
    const files = await rig.custody.signSet(ADMIN, repository.set([repository.body("root", body, [repository.root, fresh])], 2))
    return { fresh, files }
}

describe("who still needs a key, as the daemon says it", () => {
    test("changes with what is promised, rotated and published", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        assert.deepEqual(await needsOf(rig, repository.root), [[GUN, "root", "bound", false]])
        const files = await rig.custody.signSet(ADMIN, repository.firstSet())
        assert.deepEqual(await needsOf(rig, repository.root), [[GUN, "root", "signs", true]])
        assert.deepEqual(await needsOf(rig, repository.targets), [[GUN, "targets", "signs", true]])
        await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish(files, 1) })

        const { fresh, files: rotated } = await rotateRoot(rig, repository)
        assert.deepEqual(await needsOf(rig, repository.root), [[GUN, "root", "replaces", true]])
        assert.deepEqual(await needsOf(rig, fresh), [[GUN, "root", "signs", true]])
        await rig.restart()
        assert.deepEqual(await needsOf(rig, repository.root), [[GUN, "root", "replaces", true]])
        const targets = files.filter(({ role }) => role === "targets")
        await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish([...rotated, ...targets], 2) })
        assert.deepEqual(await needsOf(rig, repository.root), [
            [GUN, "root", "cached-roots", false],
            [GUN, "root", "old-clients", false],
        ])
    })

    test("is no list's business, and nobody's of a key that was removed", async () => {
        await using rig = await CustodyRig.withGroup()
        const { record } = await rig.createKey("targets")
        const { keys } = await rig.custody.listKeys(ADMIN, { includeRemoved: false, pageSize: 10, pageToken: "" })
        assert.equal(keys[0]?.needs, undefined)
        await rig.custody.removeKey(ADMIN, { id: record.id, confirm: record.id.slice(0, 8) })
        assert.equal((await rig.custody.getKey(ADMIN, { id: record.id })).needs, undefined)
    })

    test("TK-POL-1 gives no name of a repository that its asker may not see", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const { id } = repository.targets.record
        const other = { gun: `${GUN}-elsewhere` as typeof GUN, role: parseRoleName("targets") }
        // The metadata still names it where it is no longer bound.
        await rig.custody.bindKey(ADMIN, { id, add: [other], remove: [{ gun: GUN, role: parseRoleName("targets") }] })
        const stranger = caller("stranger")
        rig.policy = policyOf([
            { who: ADMIN, do: ["*"] },
            { who: stranger, do: ["list"], gun: other.gun },
        ])
        assert.deepEqual(await needsOf(rig, repository.targets, stranger), [
            ["", "", "signs", true],
            [other.gun, "targets", "bound", false],
        ])
        const needs = (await rig.custody.getKey(stranger, { id })).needs ?? []
        assert.ok(!JSON.stringify(needs).includes(`${GUN}"`) && !JSON.stringify(needs).includes(`${GUN} `))
    })

    test("stands in the refusal to remove it and in the record of its removal", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const { id } = repository.root.record
        const digits = id.slice(0, 8)
        const needed = /still needed by root of registry\.example\.com\/team\/app: its only key.*type "[0-9a-f]{8} is still needed"/
        for (const confirm of ["", digits, `${digits} is needed`, "is still needed"]) {
            await assert.rejects(rig.custody.removeKey(ADMIN, { id, confirm }), { ...refused("confirmation_required"), message: needed })
        }
        await rig.custody.removeKey(ADMIN, { id, confirm: `${digits} is still needed` })
        const [last] = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1, newest: true })
        assert.equal(last?.action, "remove-key")
        assert.deepEqual({ ...last?.detail }, { neededBy: 1, needs: `${GUN} root signs` })

        const idle = await rig.createKey("targets")
        await assert.rejects(
            rig.custody.removeKey(ADMIN, { id: idle.record.id, confirm: `${idle.record.id.slice(0, 8)} is still needed` }),
            refused("confirmation_required"),
        )
        await rig.custody.removeKey(ADMIN, { id: idle.record.id, confirm: idle.record.id.slice(0, 8) })
        const [idleRecord] = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1, newest: true })
        assert.deepEqual({ ...idleRecord?.detail }, { neededBy: 0 })
    })

    test("counts a key that was removed as gone: the next one may be the last that can be spared", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const more = [await rig.createKey("root", [{ gun: GUN, role: ROOT }]), await rig.createKey("root", [{ gun: GUN, role: ROOT }])]
        const certificates = await Promise.all(
            more.map(async ({ record }) => certificateKey((await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: GUN })).pem)),
        )
        const keys = { ...repository.keys, root: [repository.rootKey, ...certificates] }
        const root = repository.body("root", repository.rootBody(1, { keys, thresholds: { root: 2 } }), [repository.root, ...more])
        await rig.custody.signSet(ADMIN, repository.set([root, repository.body("targets", targetsBody({ version: 1 }))], 1))
        const textOf = async ({ record }: KeyView) => (await rig.custody.getKey(ADMIN, { id: record.id })).needs?.[0]?.text ?? ""
        assert.match(await textOf(repository.root), /^one of 3 keys; 2 must sign: without it each of the others is needed/)
        const [first, second] = more
        assert.ok(first !== undefined && second !== undefined)
        await rig.custody.removeKey(ADMIN, { id: first.record.id, confirm: `${first.record.id.slice(0, 8)} is still needed` })
        assert.match(await textOf(second), /^one of 3 keys, of which 1 is gone; 2 must sign: without it no root can be signed any more/)
    })

    test("ends with the repository's history", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await rig.custody.reset(ADMIN, { gun: GUN, confirm: GUN })
        assert.deepEqual(await needsOf(rig, repository.root), [[GUN, "root", "bound", false]])
    })
})
