import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { generatePrivateKey } from "../../../src/crypto/index.ts"
import type { KeyView } from "../../../src/custody/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Binding } from "../../../src/journal/index.ts"
import type { Action, Principal } from "../../../src/policy/index.ts"
import { parseGun, parseRoleName, ROOT, TARGETS } from "../../../src/tuf/index.ts"
import { ADMIN, CustodyRig, caller, GROUP, type Grant, GUN, PASSPHRASE, Repository, refused, targetsBody } from "./rig.ts"

const TEAM_B = parseGun("registry.example.com/b/app")
const ALICE = parseRoleName("targets/alice")
const RELEASES = parseRoleName("targets/releases")
const MALLORY = parseRoleName("targets/mallory")

/** What docs/policy.md gives to a signer. */
const SIGNER: readonly Action[] = ["sign", "observe", "list", "create-key", "import-key", "bind", "unlock", "lock", "passphrase"]

const alice = caller("alice")
const mallory = caller("mallory")
const GRANTS: readonly Grant[] = [
    { who: alice, do: SIGNER, gun: "registry.example.com/team/**", role: ["targets/alice", "targets/releases"] },
    { who: mallory, do: SIGNER, gun: "registry.example.com/b/**", role: ["targets", "targets/**"] },
]

async function newKey(rig: CustodyRig, who: Principal, label: string, bindings: readonly Binding[] = []): Promise<KeyView> {
    const home = { kind: "group" as const, group: GROUP }
    return await rig.custody.createKey(who, { algorithm: "p256", purpose: "delegation", label, home, bindings })
}

const bind = (rig: CustodyRig, who: Principal, id: string, add: readonly Binding[], remove: readonly Binding[] = []) =>
    rig.custody.bindKey(who, { id, add, remove })

async function withPeople(): Promise<CustodyRig> {
    const rig = await CustodyRig.withGroup()
    rig.allow(GRANTS)
    return rig
}

const ids = async (rig: CustodyRig, who: Principal) =>
    (await rig.custody.listKeys(who, { includeRemoved: false, pageSize: 100, pageToken: "" })).keys.map(({ record }) => record.id)

describe("a signer's key that no repository knows yet", () => {
    test("is made by whoever may make one for the signer's role somewhere, seen by him, and bound on the sign socket", async () => {
        await using rig = await withPeople()
        const { id } = (await newKey(rig, alice, "alice")).record
        assert.deepEqual(await ids(rig, alice), [id])
        assert.equal((await rig.custody.getKey(alice, { id: id.slice(0, 12) })).record.id, id)
        await rig.restart()
        const { record } = await bind(rig, alice, id, [
            { gun: GUN, role: ALICE },
            { gun: GUN, role: RELEASES },
        ])
        assert.equal(record.bindings.length, 2)
        assert.deepEqual(
            (await rig.records("bind")).map(({ outcome, who }) => [outcome, who]),
            [["ok", alice.name]],
        )
    })

    test("is told its maker from somebody else's, by all who may see it, and stays so when it is bound", async () => {
        await using rig = await withPeople()
        const { id } = (await newKey(rig, alice, "alice")).record
        const mine = async (who: Principal): Promise<boolean> => (await rig.custody.getKey(who, { id })).mine
        assert.deepEqual([await mine(alice), await mine(ADMIN)], [true, false])
        const { keys } = await rig.custody.listKeys(ADMIN, { includeRemoved: false, pageSize: 100, pageToken: "" })
        assert.equal(keys.find(({ record }) => record.id === id)?.mine, false)
        await rig.restart()
        assert.equal((await bind(rig, alice, id, [{ gun: GUN, role: ALICE }])).mine, true)
        assert.deepEqual([await mine(alice), await mine(ADMIN)], [true, false])
    })

    test("is unlocked, locked and given another passphrase by its maker alone", async () => {
        await using rig = await withPeople()
        const sealed = await rig.sealBytes("create", "new", Buffer.from(PASSPHRASE), alice)
        const spec = { algorithm: "p256", purpose: "delegation", label: "alice", bindings: [] } as const
        const { id } = (await rig.custody.createKey(alice, { ...spec, home: { kind: "passphrase", sealed } })).record
        const opener = async (who: Principal, purpose: string) => await rig.sealBytes(purpose, id, Buffer.from(PASSPHRASE), who)
        const subject = { keyId: id }
        await rig.custody.unlock(alice, { subject, sealed: await opener(alice, "unlock"), ttlSeconds: 60, uses: 0 })
        await rig.custody.lock(alice, { subject })
        const [oldSealed, newSealed] = [await opener(alice, "passphrase-old"), await opener(alice, "passphrase-new")]
        await rig.custody.changePassphrase(alice, { subject, oldSealed, newSealed })
        await assert.rejects(rig.custody.challenge(mallory, { purpose: "unlock", subject: id }), refused("denied"))
        await assert.rejects(rig.custody.unlock(mallory, { subject, sealed, ttlSeconds: 60, uses: 0 }), refused("denied"))
        await assert.rejects(rig.custody.lock(mallory, { subject }), refused("denied"))
    })

    test("is not made for another signer's name, for another purpose, or by whom no rule lets", async () => {
        await using rig = await withPeople()
        await assert.rejects(newKey(rig, alice, "bob"), refused("denied"))
        await assert.rejects(newKey(rig, caller("nobody"), "alice"), refused("denied"))
        for (const purpose of ["root", "targets", "snapshot"] as const)
            await assert.rejects(rig.createKeyAs(mallory, purpose), refused("denied"), purpose)
    })

    test("ends with its maker's rules: whoever may do nothing any more may do nothing with it", async () => {
        await using rig = await withPeople()
        const { id } = (await newKey(rig, alice, "alice")).record
        rig.allow([])
        await assert.rejects(rig.custody.getKey(alice, { id }), refused("denied"))
        await assert.rejects(bind(rig, alice, id, [{ gun: GUN, role: ALICE }]), refused("denied"))
        await assert.rejects(rig.custody.challenge(alice, { purpose: "unlock", subject: id }), refused("denied"))
    })
})

describe("somebody else's key that is bound nowhere", () => {
    test("TK-POL-3 is not bound by a stranger to a place of his own, to sign what counts where the key is trusted already", async () => {
        await using rig = await withPeople()
        const { id } = (await newKey(rig, alice, "alice")).record
        const place = { gun: TEAM_B, role: MALLORY }
        await assert.rejects(bind(rig, mallory, id, [place]), refused("denied"))
        // Not on the admin socket either, nor for seeing everything.
        await assert.rejects(bind(rig, { ...mallory, socket: "admin" }, id, [place]), refused("denied"))
        rig.allow([...GRANTS, { who: mallory, do: ["list"] }])
        assert.deepEqual(await ids(rig, mallory), [id])
        await assert.rejects(bind(rig, mallory, id, [place]), refused("denied"))
        // Who may bind anything anywhere may bind it.
        rig.allow([...GRANTS, { who: mallory, do: ["bind"] }])
        await bind(rig, mallory, id, [place])
    })

    test("TK-POL-1 looks to a stranger like one that doesn't exist, and signs nothing for him", async () => {
        await using rig = await withPeople()
        const { id } = (await newKey(rig, alice, "alice")).record
        assert.deepEqual(await ids(rig, mallory), [])
        const answers = new Set<string>()
        const note = (error: unknown) => error instanceof TrustkeyError && answers.add(`${error.code}: ${error.message}`).size > 0
        for (const asked of [id, "f".repeat(64)]) {
            await assert.rejects(rig.custody.getKey(mallory, { id: asked }), note)
            await assert.rejects(bind(rig, mallory, asked, [{ gun: TEAM_B, role: MALLORY }]), note)
            const signed = targetsBody({ version: 1 })
            await assert.rejects(rig.custody.sign(mallory, { keyId: asked, gun: TEAM_B, role: MALLORY, signed }), note)
        }
        assert.equal(answers.size, 1, [...answers].join("\n"))
    })

    test("TK-POL-3 is not bound by its maker once it is bound where he may do nothing, not even in the same moment", async () => {
        await using rig = await withPeople()
        rig.allow([...GRANTS, { who: alice, do: ["bind"], gun: "registry.example.com/b/**" }])
        const { id } = (await newKey(rig, alice, "alice")).record
        const admins = bind(rig, ADMIN, id, [{ gun: parseGun("registry.example.com/secret"), role: ALICE }])
        const own = bind(rig, alice, id, [{ gun: GUN, role: ALICE }])
        await admins
        await assert.rejects(own, refused("denied"))
    })

    test("TK-POL-1 looks to whoever may certify a root of his own like one that doesn't exist, by its first digits too", async () => {
        await using rig = await withPeople()
        rig.allow([...GRANTS, { who: mallory, do: ["certificate", "bind"], gun: "registry.example.com/b/**" }])
        const keys = [(await newKey(rig, alice, "alice")).record.id, (await rig.createKey("targets", [])).record.id]
        const answers = new Set<string>()
        const note = (error: unknown) => error instanceof TrustkeyError && answers.add(`${error.code}: ${error.message}`).size > 0
        for (const asked of [...keys.flatMap((id) => [id, id.slice(0, 7)]), "f".repeat(64)])
            await assert.rejects(rig.custody.rootCertificate(mallory, { keyId: asked, gun: TEAM_B }), note)
        assert.equal(answers.size, 1, [...answers].join("\n"))
    })

    test("of purpose root that was a repository's before gets no certificate for a stranger's: that one's clients trust it still", async () => {
        await using rig = await CustodyRig.withGroup()
        rig.allow([{ who: mallory, do: ["*"], gun: "registry.example.com/b/**" }])
        const { id } = (await Repository.begin(rig)).root.record
        await bind(rig, ADMIN, id, [], [{ gun: GUN, role: ROOT }])
        for (const restart of [false, true]) {
            if (restart) await rig.restart()
            await assert.rejects(rig.custody.rootCertificate(mallory, { keyId: id, gun: TEAM_B }), refused("denied"))
        }
        // One nobody knows yet is anybody's.
        const fresh = await rig.createKey("root", [])
        await rig.custody.rootCertificate(mallory, { keyId: fresh.record.id, gun: TEAM_B })
    })

    test("of purpose root, from a file, gets no certificate for a stranger's repository", async () => {
        await using rig = await CustodyRig.withGroup()
        rig.allow([{ who: mallory, do: ["*"], gun: "registry.example.com/b/**" }])
        const { pkcs8: secret } = generatePrivateKey("p256")
        const pkcs8 = await rig.sealBytes(
            "import",
            "new",
            secret.reveal((bytes) => Buffer.from(bytes)),
        )
        const home = { kind: "group" as const, group: GROUP }
        const { record } = await rig.custody.importKey(ADMIN, { pkcs8, purpose: "root", label: "", home, bindings: [] })
        await assert.rejects(rig.custody.rootCertificate(mallory, { keyId: record.id, gun: TEAM_B }), refused("denied"))
        assert.deepEqual((await rig.custody.getKey(ADMIN, { id: record.id })).record.bindings, [])
    })
})

describe("binding on the sign socket", () => {
    test("is for delegation keys; where other keys may sign is changed on the admin socket only", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const owner = caller("owner")
        rig.allow([{ who: owner, do: ["*"] }])
        for (const [key, role] of [
            [repository.root, ROOT],
            [repository.targets, TARGETS],
        ] as const) {
            const { id } = key.record
            await assert.rejects(bind(rig, owner, id, [{ gun: TEAM_B, role }]), /admin socket only/)
            await assert.rejects(bind(rig, owner, id, [], [{ gun: GUN, role }]), /admin socket only/)
            await bind(rig, { ...owner, socket: "admin" }, id, [{ gun: TEAM_B, role }])
        }
    })

    test("TK-POL-3 needs permission for every old and new place, and to sign where the key shall sign no more", async () => {
        await using rig = await withPeople()
        const old = { gun: GUN, role: ALICE }
        const { id } = (await newKey(rig, ADMIN, "alice", [old])).record
        const next = { gun: TEAM_B, role: ALICE }
        await assert.rejects(bind(rig, mallory, id, [next]), refused("denied"))
        await assert.rejects(bind(rig, mallory, id, [next], [old]), refused("denied"))
        await assert.rejects(bind(rig, alice, id, [next]), refused("denied"))
        // To take away the place that guards the key, and then sign with it elsewhere.
        rig.allow([...GRANTS, { who: mallory, do: ["bind"], gun: "registry.example.com/team/**" }])
        await assert.rejects(bind(rig, mallory, id, [next], [old]), refused("denied"))
        await assert.rejects(bind(rig, mallory, id, [], [old]), refused("denied"))
        const { record } = await bind(rig, alice, id, [{ gun: GUN, role: RELEASES }], [old])
        assert.deepEqual(record.bindings, [{ gun: GUN, role: RELEASES }])
    })

    test("binds a key to 256 places at most: each is asked at every use", async () => {
        await using rig = await withPeople()
        const { id } = (await newKey(rig, alice, "alice")).record
        const places = Array.from({ length: 257 }, (_, n) => ({ gun: parseGun(`registry.example.com/team/app-${n}`), role: ALICE }))
        await bind(rig, alice, id, places.slice(0, 256))
        await assert.rejects(bind(rig, alice, id, places.slice(256)), refused("invalid_request"))
        await bind(rig, ADMIN, id, places.slice(256))
    })
})

test("nobody whose rules are limited fills the disk with keys that are bound nowhere, asking for many at once either", async () => {
    await using rig = await withPeople()
    const results = await Promise.allSettled(Array.from({ length: 130 }, () => newKey(rig, alice, "alice")))
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 100)
    const [refusal] = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []))
    assert.ok(refusal instanceof TrustkeyError && refusal.code === "invalid_request")
    // Others are not held up, and a place makes room.
    await newKey(rig, mallory, "mallory")
    const [first] = await ids(rig, alice)
    assert.ok(first)
    await bind(rig, alice, first, [{ gun: GUN, role: ALICE }])
    await newKey(rig, alice, "alice")
})
