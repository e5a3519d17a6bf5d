import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { describe, test } from "node:test"
import type { KeyView } from "../../../src/custody/index.ts"
import {
    canonicalKeyIdOf,
    certificateKey,
    checkRootSuccession,
    keyIdOf,
    parseFile,
    parseSigned,
    ROOT,
    type RootDocument,
    rootOf,
    type TufKey,
} from "../../../src/tuf/index.ts"
import { makeKeyPair, makeRootKey } from "../../support/repository-builder.ts"
import { ADMIN, CustodyRig, caller, GUN, inDays, Repository, refused, rootBody, targetsBody } from "./rig.ts"

const expires = inDays(3000)

/** A second root key of the daemon with its certificate. */
async function anotherRootKey(rig: CustodyRig): Promise<{ readonly view: KeyView; readonly key: TufKey }> {
    const view = await rig.createKey("root")
    const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: view.record.id, gun: GUN })
    return { view, key: certificateKey(pem) }
}

async function plan(rig: CustodyRig, keys: readonly TufKey[], threshold = 1, who = ADMIN) {
    const { plan, begun } = await rig.custody.planRoot(who, { gun: GUN, published: [], change: { rootKeys: { keys, threshold }, expires } })
    assert.ok(plan)
    return { plan, begun }
}

async function newestRoot(rig: CustodyRig): Promise<RootDocument> {
    const { repository } = await rig.custody.showTrust(ADMIN, { gun: GUN })
    assert.ok(repository?.root)
    return rootOf(repository.root.signed)
}

describe("a planned root", () => {
    test("follows on the newest one, says what it changes and who has to sign, and promises nothing", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const second = await anotherRootKey(rig)
        const theirs = makeRootKey(GUN, new Date())
        const { plan: planned, begun: earlier } = await plan(rig, [second.key, theirs.key], 2)
        assert.equal(earlier, undefined)
        assert.equal(planned.body.document.version, 2)
        assert.deepEqual([planned.oldThreshold, planned.nextThreshold], [1, 2])
        const signers = planned.signers.map(({ tufKeyId, keyId, old, next, ours }) => ({ tufKeyId, keyId, old, next, ours }))
        assert.deepEqual(signers, [
            { tufKeyId: keyIdOf(repository.rootKey), keyId: repository.root.record.id, old: true, next: false, ours: true },
            { tufKeyId: keyIdOf(second.key), keyId: second.view.record.id, old: false, next: true, ours: true },
            { tufKeyId: keyIdOf(theirs.key), keyId: canonicalKeyIdOf(theirs.key), old: false, next: true, ours: false },
        ])
        assert.ok(planned.difference.includes("role root needs 2 of 2 keys instead of 1 of 1"), planned.difference.join("\n"))
        const said = [GUN, "root", createHash("sha256").update(planned.body.bytes).digest("hex"), ...planned.difference]
        assert.deepEqual(
            planned.code,
            createHash("sha256")
                .update(said.map((line) => `${line}\n`).join(""))
                .digest(),
        )
        const { repository: known } = await rig.custody.showTrust(ADMIN, { gun: GUN })
        assert.equal(known?.marks.get(ROOT)?.version, 1)
    })

    test("is refused as its signature would be: for want of a permission, a certificate, a date", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const second = await anotherRootKey(rig)
        const stranger = caller("stranger")
        await assert.rejects(plan(rig, [second.key], 1, stranger), refused("denied"))
        const holder = caller("holder")
        rig.allow([{ who: holder, do: ["sign"] }])
        await assert.rejects(plan(rig, [second.key], 1, holder), refused("denied"))
        // A new date alone is a signature like any other.
        await rig.custody.planRoot(holder, { gun: GUN, published: [], change: { expires } })
        rig.allow([{ who: holder, do: ["sign", "rotate"] }])
        await plan(rig, [second.key], 1, holder)
        const elsewhere = makeRootKey("registry.example.com/other", new Date())
        await assert.rejects(plan(rig, [elsewhere.key]), refused("root_rejected"))
        await assert.rejects(plan(rig, [second.key, repository.rootKey], 3), refused("root_rejected"))
        const late = { gun: GUN, published: [], change: { expires: inDays(9000) } }
        await assert.rejects(rig.custody.planRoot(ADMIN, late), refused("expiry_rejected"))
    })

    test("is of a repository that is known here", async () => {
        await using rig = await CustodyRig.withGroup()
        await assert.rejects(plan(rig, []), refused("repository_unknown"))
        await Repository.prepare(rig)
        await assert.rejects(plan(rig, []), refused("repository_unknown"))
    })

    test("begun and not completed is shown with what was signed of it, after a restart too, until it is void", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const theirs = makeRootKey(GUN, new Date())
        const wanted = [repository.rootKey, theirs.key]
        const { plan: begun } = await plan(rig, wanted, 2)
        const sign = { keyId: repository.root.record.id, gun: GUN, role: ROOT, signed: begun.body.bytes }
        const signature = await rig.custody.sign(ADMIN, sign)
        await rig.restart()
        const { plan: again, begun: earlier } = await plan(rig, wanted, 2)
        assert.equal(earlier?.version, 2)
        assert.equal(earlier?.plan?.body.sha256, begun.body.sha256)
        assert.deepEqual(earlier?.plan?.code, begun.code)
        for (const { signatures } of [again, earlier.plan]) {
            assert.deepEqual(
                signatures.map(({ keyId, method, sig }) => [keyId, method, Buffer.from(sig).toString("hex")]),
                [[signature.keyId, signature.method, Buffer.from(signature.sig).toString("hex")]],
            )
        }
        const asked = await rig.custody.planRoot(ADMIN, { gun: GUN, published: [] })
        assert.deepEqual([asked.plan, asked.begun?.plan?.body.sha256], [undefined, begun.body.sha256])
        // Other content of that version is refused, with what to do.
        const other = rootBody({ version: 2, keys: repository.keys, days: 2000 })
        await assert.rejects(rig.custody.sign(ADMIN, { ...sign, signed: other }), /void it with journal void/)
        await rig.custody.voidPromise(ADMIN, { gun: GUN, role: ROOT, version: 2, confirm: "void 2" })
        assert.equal((await plan(rig, wanted, 2)).begun, undefined)
        assert.deepEqual(await rig.custody.planRoot(ADMIN, { gun: GUN, published: [] }), { plan: undefined, begun: undefined })
        await rig.custody.sign(ADMIN, { ...sign, signed: other })
    })

    test("of which only a hash is known, since others signed it, is said to be there", async () => {
        let disk = "well"
        await using rig = await CustodyRig.withGroup({
            onCommit: (changes) => {
                if (disk === "fails" && changes.some(({ kind }) => kind === "outbox.put")) throw new Error("the disk is gone")
            },
        })
        const repository = await Repository.prepare(rig)
        const old = makeRootKey(GUN, new Date())
        const keys = { ...repository.keys, root: [old.key, repository.rootKey] }
        const first = repository.set(
            [repository.body("root", rootBody({ version: 1, keys })), repository.body("targets", targetsBody({ version: 1 }))],
            1,
        )
        await rig.custody.signSet(ADMIN, first)
        const { plan: planned } = await plan(rig, [old.key])
        const set = repository.set([repository.body("root", planned.body.bytes, [], [old.sign(planned.body)])])
        disk = "fails"
        await assert.rejects(rig.custody.signSet(ADMIN, set))
        disk = "well"
        await rig.restart()
        const { begun: earlier } = await plan(rig, [repository.rootKey])
        assert.deepEqual(earlier, { version: 2, plan: undefined })
        // The same set completes it.
        assert.equal((await rig.custody.signSet(ADMIN, set)).length, 1)
    })
})

describe("a root that other holders signed", () => {
    test("is taken in without a key of ours, and is the root that the next one follows on", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const holder = makeRootKey(GUN, new Date())
        const first = rootBody({ version: 1, keys: { ...repository.keys, root: [holder.key] } })
        const bodies = [
            repository.body("root", first, [], [holder.sign(parseSigned(first, ROOT))]),
            repository.body("targets", targetsBody({ version: 1 })),
        ]
        // Without a key of ours, nothing is begun.
        await assert.rejects(rig.custody.signSet(ADMIN, repository.set(bodies, 1)), refused("repository_unknown"))
        const begun = rootBody({ version: 1, keys: { ...repository.keys, root: [holder.key, repository.rootKey] } })
        const [targets] = [repository.body("targets", targetsBody({ version: 1 }))]
        await rig.custody.signSet(ADMIN, repository.set([repository.body("root", begun), targets], 1))
        const { plan: planned } = await plan(rig, [holder.key])
        const signature = holder.sign(planned.body)
        const request = repository.set([repository.body("root", planned.body.bytes, [], [signature])])
        const reader = caller("reader")
        rig.allow([{ who: reader, do: ["observe"] }])
        await assert.rejects(rig.custody.signSet(reader, request), refused("denied"))
        const signer = caller("signer")
        rig.allow([{ who: signer, do: ["sign"] }])
        await assert.rejects(rig.custody.signSet(signer, request), refused("denied"))
        const bad = repository.set([repository.body("root", planned.body.bytes, [], [{ ...signature, sig: Buffer.alloc(64, 1) }])])
        await assert.rejects(rig.custody.signSet(ADMIN, bad), refused("set_incomplete"))
        rig.allow([
            { who: signer, do: ["rotate"] },
            { who: signer, do: ["observe"] },
        ])
        const [file] = await rig.custody.signSet(signer, request)
        assert.equal(file?.role, "root")
        assert.deepEqual((await newestRoot(rig)).roles.get("root")?.keyIds, [keyIdOf(holder.key)])
    })
})

describe("whoever may sign targets alone", () => {
    test("can't bring in with them a root that others signed", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const holder = makeRootKey(GUN, new Date())
        const keys = { ...repository.keys, root: [holder.key, repository.rootKey] }
        const first = [repository.body("root", rootBody({ version: 1, keys })), repository.body("targets", targetsBody({ version: 1 }))]
        await rig.custody.signSet(ADMIN, repository.set(first, 1))
        const held = rootBody({ version: 2, keys, days: 1500 })
        const bodies = [
            repository.body("root", held, [], [holder.sign(parseSigned(held, ROOT))]),
            repository.body("targets", targetsBody({ version: 2 })),
        ]
        const ci = caller("ci")
        rig.allow([{ who: ci, do: ["sign"], role: ["targets", "snapshot"] }])
        await assert.rejects(rig.custody.signSet(ci, repository.set(bodies, 2)), refused("denied"))
        assert.equal((await newestRoot(rig)).version, 1)
        rig.allow([
            { who: ci, do: ["sign"], role: ["targets", "snapshot"] },
            { who: ci, do: ["rotate"], role: ["root"] },
        ])
        await rig.custody.signSet(ci, repository.set(bodies, 2))
        assert.equal((await newestRoot(rig)).version, 2)
    })
})

describe("a key that gets another certificate", () => {
    test("signs once, and that counts for the root before and for the new one", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const pair = makeKeyPair()
        const [holder, renewed] = [makeRootKey(GUN, new Date(), { pair }), makeRootKey(GUN, new Date(), { pair })]
        const keys = { ...repository.keys, root: [repository.rootKey, holder.key] }
        const first = rootBody({ version: 1, keys, thresholds: { root: 2 } })
        const bodies = [
            repository.body("root", first, undefined, [holder.sign(parseSigned(first, ROOT))]),
            repository.body("targets", targetsBody({ version: 1 })),
        ]
        const [before] = await rig.custody.signSet(ADMIN, repository.set(bodies, 1))
        assert.notEqual(keyIdOf(renewed.key), keyIdOf(holder.key))
        const { plan: planned } = await plan(rig, [repository.rootKey, renewed.key], 2)
        const set = repository.set([repository.body("root", planned.body.bytes, undefined, [renewed.sign(planned.body)])])
        const [after] = await rig.custody.signSet(ADMIN, set)
        assert.ok(before && after)
        const file = parseFile(after.content, ROOT)
        assert.equal(file.signatures.length, 3)
        checkRootSuccession(parseFile(before.content, ROOT), file)
    })
})
