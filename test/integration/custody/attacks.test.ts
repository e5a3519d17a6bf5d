import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { KeyView, SignSetRequest } from "../../../src/custody/index.ts"
import type { Limit, Principal } from "../../../src/policy/index.ts"
import {
    assembleFile,
    encodeTargets,
    fileMetaOf,
    keyIdOf,
    parseGlob,
    parseGun,
    parseRoleName,
    parseSigned,
    ROOT,
    SNAPSHOT,
    TARGETS,
    type TufKey,
    tufKey,
} from "../../../src/tuf/index.ts"
import { makeKey } from "../../support/repository-builder.ts"
import { ADMIN, CustodyRig, caller, type File, GUN, inDays, Repository, refused, rootBody, targetsBody } from "./rig.ts"

const CI_ROLE = parseRoleName("targets/ci")
const IMMUTABLE: Limit = { gun: [parseGlob("**")], maxValidity: new Map(), immutableTargets: [parseGlob("v*")] }

const signAs = (rig: CustodyRig, who: Principal, key: KeyView, role: string, signed: Uint8Array) =>
    rig.custody.sign(who, { keyId: key.record.id, gun: GUN, role: parseRoleName(role), signed })

/** A delegation `targets/ci` for tags that begin with "ci-", released, and a CI job that may sign it. */
async function withDelegate(rig: CustodyRig) {
    const repository = await Repository.begin(rig)
    const key = await rig.createKey("delegation", [{ gun: GUN, role: CI_ROLE }])
    const keys = [tufKey(key.record.publicKey)]
    const delegations = (paths: readonly string[]) => [{ name: CI_ROLE, keys, paths }]
    const signed = targetsBody({ version: 2, delegations: delegations(["ci-"]) })
    await rig.custody.signSet(ADMIN, repository.set([repository.body("targets", signed)], 2))
    const ci = caller("ci")
    rig.allow([{ who: ci, do: ["sign"], role: [CI_ROLE] }])
    return { repository, key, ci, delegations }
}

async function promises(rig: CustodyRig, role: string): Promise<readonly number[]> {
    const entries = await rig.custody.showJournal(ADMIN, { gun: GUN, role: parseRoleName(role), after: 0, limit: 1000 })
    return entries.map(({ version }) => version)
}

describe("a compromised CI job", () => {
    test("TK-SIG-1 gets no promise by way of a parent that nobody signed", async () => {
        await using rig = await CustodyRig.withGroup()
        const { repository, key, ci, delegations } = await withDelegate(rig)
        const child = repository.body(CI_ROLE, targetsBody({ version: 1, targets: { v1: "evil" } }), [key])
        const parent = targetsBody({ version: 3, delegations: delegations([""]) })
        const stranger = makeKey()
        for (const signatures of [[], [stranger.sign(parseSigned(parent, TARGETS))]]) {
            const request: SignSetRequest = { gun: GUN, published: [], bodies: [child, repository.body("targets", parent, [], signatures)] }
            await assert.rejects(rig.custody.signSet(ci, request), refused("denied"))
            // Nor does anybody who may bring in what others have signed.
            await assert.rejects(rig.custody.signSet(ADMIN, request), refused("set_incomplete"))
        }
        assert.deepEqual(await promises(rig, CI_ROLE), [])
    })

    test("does not change an immutable target by never showing what it published", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        rig.allow([], [IMMUTABLE])
        const targets = (version: number, content: string) =>
            signAs(rig, ADMIN, repository.targets, "targets", targetsBody({ version, targets: { v1: content } }))
        await targets(2, "one")
        await assert.rejects(targets(3, "two"), refused("immutable_target"))
        await rig.restart()
        await assert.rejects(targets(3, "two"), refused("immutable_target"))
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(3, { v1: "two" })), refused("immutable_target"))
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(3, {})), refused("immutable_target"))
        await targets(3, "one")
    })

    test("does not sign an immutable target with two contents in one set", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        rig.allow([], [IMMUTABLE])
        const key = await rig.createKey("delegation", [{ gun: GUN, role: CI_ROLE }])
        const delegations = [{ name: CI_ROLE, keys: [tufKey(key.record.publicKey)] }]
        const bodies = [
            repository.body("targets", targetsBody({ version: 2, targets: { v1: "one" }, delegations })),
            repository.body(CI_ROLE, targetsBody({ version: 1, targets: { v1: "two" } }), [key]),
        ]
        await assert.rejects(rig.custody.signSet(ADMIN, repository.set(bodies, 2)), refused("immutable_target"))
        assert.deepEqual(await promises(rig, CI_ROLE), [])
    })

    test("does not give an immutable target a second digest beside the first", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        rig.allow([], [IMMUTABLE])
        const meta = fileMetaOf(Buffer.from("one"))
        const body = (version: number, sha512: Uint8Array) =>
            encodeTargets({
                type: "targets",
                version,
                expires: inDays(100),
                targets: new Map([["v1", { ...meta, hashes: new Map([...meta.hashes, ["sha512", sha512]]) }]]),
                delegations: { keys: new Map(), roles: [] },
            })
        await rig.custody.signSet(
            ADMIN,
            repository.set([repository.body("targets", body(2, meta.hashes.get("sha512") ?? Buffer.alloc(64)))], 2),
        )
        const other = repository.set([repository.body("targets", body(3, Buffer.alloc(64, 1)))], 3)
        await assert.rejects(rig.custody.signSet(ADMIN, other), refused("immutable_target"))
    })

    test("does not halve a threshold by listing one key twice, bare and in a certificate", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const root = tufKey(repository.root.record.publicKey)
        const keys = { ...repository.keys, targets: [root, repository.rootKey] }
        const signed = rootBody({ version: 2, keys, thresholds: { targets: 2 } })
        await assert.rejects(signAs(rig, ADMIN, repository.root, "root", signed), refused("metadata_rejected"))
    })

    test("does not hold up everybody with a name that takes minutes to compare with a pattern", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const signed = targetsBody({ version: 2, targets: { ["v".repeat(5000)]: "one" } })
        await assert.rejects(signAs(rig, ADMIN, repository.targets, "targets", signed), refused("metadata_rejected"))
    })

    test("loses a set that waits for its turn when its key is unbound meanwhile", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const first = rig.custody.signSet(ADMIN, repository.targetsSet(2, {}))
        const second = rig.custody.signSet(ADMIN, repository.targetsSet(3, {}))
        const remove = [{ gun: GUN, role: TARGETS }]
        await rig.custody.bindKey(ADMIN, { id: repository.targets.record.id, add: [], remove })
        await first
        await assert.rejects(second, refused("key_unfit"))
    })

    test("finds its attempts in the audit with role and version, refused ones too", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await assert.rejects(
            rig.custody.signSet(ADMIN, repository.set([repository.body("targets", targetsBody({ version: 7, days: 9000 }))], 8)),
        )
        const [record] = await rig.audit.newest(1)
        assert.equal(record?.outcome, "expiry_rejected")
        assert.deepEqual([record?.detail["targets"], record?.detail["snapshot"]], [7, 8])
    })
})

describe("a stranger", () => {
    test("fills no disk with sets that are malformed", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const stranger = caller("stranger")
        const before = rig.audit.head.sequence
        const body = repository.body("targets", targetsBody({ version: 2 }), [])
        for (const bodies of [[], [], [body], [body], [body, body], [{ ...body, role: SNAPSHOT }]])
            await assert.rejects(rig.custody.signSet(stranger, { gun: GUN, published: [], bodies }), refused("denied"))
        assert.equal(rig.audit.head.sequence, before + 1)
    })

    test("TK-POL-1 can't tell an unbound key from none, though it may sign elsewhere", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const curious = caller("curious")
        const other = parseGun("registry.example.com/team/other")
        rig.allow([{ who: curious, do: ["sign", "certificate"], gun: other }])
        const unbound = [await rig.createKey("targets", []), await rig.createKey("root", [])]
        const ask = async (keyId: string): Promise<readonly string[]> => {
            const signed = targetsBody({ version: 2 })
            const body = { role: TARGETS, signed, keyIds: [keyId], signatures: [] }
            const answers = await Promise.allSettled([
                rig.custody.sign(curious, { keyId, gun: other, role: TARGETS, signed }),
                rig.custody.signSet(curious, { gun: other, published: [], bodies: [body] }),
                rig.custody.rootCertificate(curious, { keyId, gun: other }),
            ])
            return answers.map((answer) => (answer.status === "rejected" ? String(answer.reason) : "told"))
        }
        const nothing = await ask("ab".repeat(32))
        await rig.custody.lock(ADMIN, { subject: "all" })
        for (const key of [...unbound, repository.targets]) assert.deepEqual(await ask(key.record.id), nothing)
    })

    test("sees of the journal's pages only the own repositories', and all of them", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const mine = await Repository.begin(rig, { gun: parseGun("registry.example.com/mine/app") })
        const me = caller("me")
        rig.allow([{ who: me, do: ["sign"], gun: mine.gun }])
        const entries = await rig.custody.showJournal(me, { after: 0, limit: 2 })
        assert.deepEqual(
            entries.map(({ gun }) => gun),
            [mine.gun, mine.gun],
        )
        assert.deepEqual(await rig.custody.showJournal(caller("stranger"), { after: 0, limit: 2 }), [])
        assert.equal(repository.gun, GUN)
    })
})

describe("a hostile server", () => {
    const published = async (rig: CustodyRig, repository: Repository): Promise<readonly File[]> =>
        repository.publish(await rig.custody.outbox(ADMIN, { gun: GUN }), 1)

    test("presents one root version in two spellings, and memory and disk stay one", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await rig.custody.observe(ADMIN, { gun: GUN, files: await published(rig, repository) })
        const [two] = await rig.custody.signSet(ADMIN, repository.set([repository.body("root", repository.rootBody(2))], 2))
        assert.ok(two)
        const outbox = await rig.custody.outbox(ADMIN, { gun: GUN })
        const targets = [...(rig.rig.journal.repository(GUN)?.documents.values() ?? [])].filter(({ role }) => role === TARGETS)
        const spelled = { role: ROOT, content: Buffer.concat([two.content, Buffer.from("\n")]) }
        const files = [spelled, ...repository.publish([...outbox, ...targets], 2)]
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files }), refused("invalid_request"))
        const versions = () => rig.rig.journal.repository(GUN)?.roots.map((root) => root.signed.document.version)
        assert.deepEqual(versions(), [1, 2])
        await rig.custody.observe(ADMIN, { gun: GUN, files: files.slice(1) })
        assert.deepEqual(versions(), [1, 2])
        await rig.restart()
        assert.deepEqual(versions(), [1, 2])
    })

    test("has the first root with other signatures than ours, and that file is the one we go on with", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig, { snapshotKey: false })
        const [root, targets] = await rig.custody.outbox(ADMIN, { gun: GUN })
        assert.ok(root && targets)
        // As another holder may have put it together.
        const theirs = { role: ROOT, content: Buffer.concat([root.content, Buffer.from("\n")]) }
        const { published: left } = await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish([theirs, targets], 1) })
        assert.deepEqual(left, ["root", "targets"])
        assert.deepEqual(Buffer.from(rig.rig.journal.repository(GUN)?.root?.content ?? []), theirs.content)
    })

    test("publishes other content under a version of ours, which is then not released over it", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig, { snapshotKey: false })
        const holder = makeKey()
        repository.keys.targets = [...repository.keys.targets, holder.key]
        const [root, targets] = await rig.custody.signSet(ADMIN, repository.firstSet())
        assert.ok(root && targets)
        await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish([root, targets], 1) })
        const ours = targetsBody({ version: 2, targets: { latest: "ours" } })
        await signAs(rig, ADMIN, repository.targets, "targets", ours)
        const signed = parseSigned(targetsBody({ version: 2, targets: { latest: "theirs" } }), TARGETS)
        const theirs = { role: TARGETS, content: assembleFile(signed, [holder.sign(signed)]) }
        await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish([root, theirs], 2) })
        await assert.rejects(rig.custody.signSet(ADMIN, repository.set([repository.body("targets", ours)])), refused("rollback_refused"))
        const known = rig.rig.journal.repository(GUN)
        assert.deepEqual(known?.outbox, [])
        assert.deepEqual(Buffer.from(known?.documents.get(TARGETS)?.content ?? []), theirs.content)
    })
})

describe("a role", () => {
    test("with a key nobody can read is signed by the others", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const key = await rig.createKey("delegation", [{ gun: GUN, role: CI_ROLE }])
        const odd: TufKey = { keytype: "ecdsa-x509", public: Buffer.from("not a certificate") }
        const keys = [odd, tufKey(key.record.publicKey)].sort((a, b) => (keyIdOf(a) < keyIdOf(b) ? -1 : 1))
        const delegations = [{ name: CI_ROLE, keys: [odd, ...keys.filter((one) => one !== odd)] }]
        await rig.custody.signSet(ADMIN, repository.set([repository.body("targets", targetsBody({ version: 2, delegations }))], 2))
        await signAs(rig, ADMIN, key, CI_ROLE, targetsBody({ version: 1, targets: { v1: "one" } }))
    })

    test("signed by other holders alone is released with its set, and moves its mark", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const holder = makeKey()
        const delegations = [{ name: CI_ROLE, keys: [holder.key] }]
        const theirs = targetsBody({ version: 4, targets: { v1: "one" } })
        const bodies = [
            repository.body("targets", targetsBody({ version: 2, delegations })),
            repository.body(CI_ROLE, theirs, [], [holder.sign(parseSigned(theirs, CI_ROLE))]),
        ]
        const files = await rig.custody.signSet(ADMIN, repository.set(bodies, 2))
        assert.deepEqual(
            files.map(({ role }) => role),
            ["targets", CI_ROLE, "snapshot"],
        )
        assert.equal(rig.rig.journal.repository(GUN)?.marks.get(CI_ROLE)?.version, 4)
        await rig.restart()
        assert.equal(rig.rig.journal.repository(GUN)?.marks.get(CI_ROLE)?.version, 4)
    })

    test("that was never published may be seen and presented by whoever may sign it", async () => {
        await using rig = await CustodyRig.withGroup()
        const { ci } = await withDelegate(rig)
        await rig.custody.showTrust(ci, { gun: GUN })
        await assert.rejects(rig.custody.showTrust(caller("stranger"), { gun: GUN }), refused("denied"))
    })
})

test("a root that trusts other keys for targets is not released over a file they did not sign", async () => {
    await using rig = await CustodyRig.withGroup()
    const repository = await Repository.begin(rig)
    const next = await rig.createKey("targets")
    const keys = { ...repository.keys, targets: [tufKey(next.record.publicKey)] }
    const root = repository.body("root", repository.rootBody(2, { keys }))
    await assert.rejects(rig.custody.signSet(ADMIN, repository.set([root], 2)), refused("set_incomplete"))
    assert.deepEqual(await promises(rig, "root"), [0, 1])
    await rig.custody.signSet(ADMIN, repository.set([root, repository.body("targets", targetsBody({ version: 2 }), [next])], 2))
})
