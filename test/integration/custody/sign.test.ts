import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { verify } from "../../../src/crypto/index.ts"
import type { SignSetRequest } from "../../../src/custody/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Change } from "../../../src/storage/index.ts"
import {
    encodeSnapshot,
    encodeTimestamp,
    type FileMeta,
    fileMetaOf,
    keyIdOf,
    parseFile,
    parseGlob,
    parseGun,
    parseRoleName,
    parseSigned,
    ROOT,
    SNAPSHOT,
    snapshotMeta,
    TARGETS,
    TIMESTAMP,
    tufKey,
} from "../../../src/tuf/index.ts"
import { killSigner } from "../../support/key-rig.ts"
import { ADMIN, CustodyRig, caller, DAY, GROUP, GUN, inDays, MOST_BYTES, PASSPHRASE, Repository, refused, targetsBody } from "./rig.ts"

const RELEASES = parseRoleName("targets/releases")

function signTargets(repository: Repository, signed: Uint8Array, principal = ADMIN) {
    const { rig, gun, targets } = repository
    return rig.custody.sign(principal, { keyId: targets.record.id, gun, role: TARGETS, signed })
}

describe("one signature", () => {
    test("TK-SIG-2 verifies against the key's pinned public key, is recorded, and is the same for a retry", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const body = targetsBody({ version: 2, targets: { v1: "one" } })
        const signature = await signTargets(repository, body)
        assert.equal(signature.method, "ecdsa")
        assert.equal(signature.keyId, keyIdOf(tufKey(repository.targets.record.publicKey)))
        assert.ok(verify(repository.targets.record.publicKey, "ecdsa", body, signature.sig))
        // ECDSA is randomised: the same bytes can only be the kept ones.
        assert.deepEqual(Buffer.from((await signTargets(repository, body)).sig), Buffer.from(signature.sig))
        await rig.restart()
        assert.deepEqual(Buffer.from((await signTargets(repository, body)).sig), Buffer.from(signature.sig))
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        const record = records.findLast(({ action }) => action === "sign")
        assert.deepEqual(
            [record?.who, record?.outcome, record?.gun, record?.role, record?.keyId],
            [ADMIN.name, "ok", GUN, "targets", repository.targets.record.id],
        )
        assert.deepEqual({ ...record?.detail }, { sha256: parseSigned(body, TARGETS).sha256, version: 2 })
    })

    test("TK-JRN-1 refuses an older version, TK-JRN-2 and other content for one that was promised", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await signTargets(repository, targetsBody({ version: 5 }))
        await assert.rejects(signTargets(repository, targetsBody({ version: 4 })), refused("rollback_refused"))
        const other = targetsBody({ version: 5, targets: { v1: "one" } })
        await assert.rejects(signTargets(repository, other), refused("equivocation_refused"))
        await rig.restart()
        await assert.rejects(signTargets(repository, targetsBody({ version: 4 })), refused("rollback_refused"))
        await assert.rejects(signTargets(repository, other), refused("equivocation_refused"))
        assert.deepEqual(
            (await rig.records("sign")).map(({ outcome }) => outcome),
            ["ok", "ok", "rollback_refused", "equivocation_refused", "rollback_refused", "equivocation_refused"],
        )
    })

    test("TK-JRN-3 hands a key nothing whose promise is not in the database", async () => {
        const commits: Change["kind"][][] = []
        await using rig = await CustodyRig.withGroup({ onCommit: (changes) => commits.push(changes.map(({ kind }) => kind)) })
        const repository = await Repository.begin(rig)
        commits.length = 0
        await signTargets(repository, targetsBody({ version: 2 }))
        assert.deepEqual(commits, [["mark.raise", "intent.insert"], ["intent.signed"], ["audit.append"]])
    })

    test("TK-JRN-2 a promise whose signature failed is kept with the same content, and only with that", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const body = targetsBody({ version: 2, targets: { v1: "one" } })
        killSigner(rig.rig, "file", "SIGSTOP")
        const failed = signTargets(repository, body)
        await untilPromised(rig, 2)
        killSigner(rig.rig, "file")
        await assert.rejects(failed, (error) => error instanceof TrustkeyError && ["signer_unavailable", "key_locked"].includes(error.code))
        await assert.rejects(
            rig.openGroup().then(() => signTargets(repository, targetsBody({ version: 2 }))),
            refused("equivocation_refused"),
        )
        const signature = await signTargets(repository, body)
        assert.ok(verify(repository.targets.record.publicKey, "ecdsa", body, signature.sig))
    })

    test("a locked key burns no version", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await assert.rejects(signTargets(repository, targetsBody({ version: 2, targets: { v1: "one" } })), refused("key_locked"))
        await rig.openGroup()
        await signTargets(repository, targetsBody({ version: 2, targets: { v1: "another" } }))
    })

    test("a stranger never reaches the parser", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await assert.rejects(signTargets(repository, Buffer.from("not JSON"), caller("stranger")), refused("denied"))
        await assert.rejects(signTargets(repository, Buffer.from("not JSON")), refused("metadata_rejected"))
    })

    test("TK-SIG-1 nothing but canonical metadata of the role asked for is signed", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const body = targetsBody({ version: 2 }).toString()
        const bad: Record<string, string> = {
            empty: "",
            "no JSON": "{",
            spaces: body.replace(":", ": "),
            "trailing garbage": `${body} `,
            "other order of names": body.replace(/^\{"_type":"[^"]+",/, "{").replace(/\}$/, ',"_type":"Targets"}'),
            "a name twice": body.replace("{", '{"_type":"Targets",'),
            "an unknown field": body.replace(/\}$/, ',"zzz":1}'),
            "a fraction as version": body.replace('"version":2', '"version":2.5'),
            "version zero": body.replace('"version":2', '"version":0'),
            "a version beyond integers": body.replace('"version":2', '"version":9007199254740993'),
            "not UTF-8": body.replace("Targets", "Targ\ud800ts"),
            "another type": repository.rootBody(2).toString(),
        }
        for (const [name, text] of Object.entries(bad)) {
            await assert.rejects(signTargets(repository, Buffer.from(text)), refused("metadata_rejected"), name)
        }
        // None of it moved the mark.
        assert.equal(rig.rig.journal.repository(GUN)?.marks.get(TARGETS)?.version, 1)
        await signTargets(repository, Buffer.from(body))
    })

    test("a payload over the daemon's limit or the rule's is refused before it is parsed", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await assert.rejects(signTargets(repository, Buffer.alloc(MOST_BYTES + 1, "x")), refused("payload_too_large"))
        rig.allow([], [{ gun: [parseGlob("registry.example.com/**")], maxValidity: new Map(), immutableTargets: [], maxPayload: 100 }])
        await assert.rejects(signTargets(repository, targetsBody({ version: 2, targets: { v1: "one" } })), refused("payload_too_large"))
    })

    test("expired metadata and metadata valid for too long are refused", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await assert.rejects(signTargets(repository, targetsBody({ version: 2, days: -1 })), refused("expiry_rejected"))
        await assert.rejects(signTargets(repository, targetsBody({ version: 2, days: 1100 })), refused("expiry_rejected"))
        const root = { keyId: repository.root.record.id, gun: GUN, role: ROOT }
        await assert.rejects(
            rig.custody.sign(ADMIN, { ...root, signed: repository.rootBody(2, { days: 3700 }) }),
            refused("expiry_rejected"),
        )
        await rig.custody.sign(ADMIN, { ...root, signed: repository.rootBody(2, { days: 3640 }) })
        rig.allow([], [{ gun: [parseGlob("**")], maxValidity: new Map([[parseGlob("targets"), 30 * DAY]]), immutableTargets: [] }])
        await assert.rejects(signTargets(repository, targetsBody({ version: 2, days: 31 })), refused("expiry_rejected"))
        await signTargets(repository, targetsBody({ version: 2, days: 29 }))
    })

    test("a key signs only for what it is bound to, and only for a role that trusts it", async () => {
        await using rig = await CustodyRig.withGroup()
        await Repository.begin(rig)
        const elsewhere = await rig.createKey("targets", [{ gun: parseGun("registry.example.com/team/other"), role: TARGETS }])
        const signed = targetsBody({ version: 2 })
        const request = { gun: GUN, role: TARGETS, signed }
        await assert.rejects(rig.custody.sign(ADMIN, { ...request, keyId: elsewhere.record.id }), refused("key_unfit"))
        const untrusted = await rig.createKey("targets")
        await assert.rejects(rig.custody.sign(ADMIN, { ...request, keyId: untrusted.record.id }), refused("metadata_rejected"))
        assert.equal(rig.rig.journal.repository(GUN)?.marks.get(TARGETS)?.version, 1)
    })

    test("timestamps are never signed, and nothing is for a repository nobody knows", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        await assert.rejects(signTargets(repository, targetsBody({ version: 1 })), refused("repository_unknown"))
        await rig.custody.signSet(ADMIN, repository.firstSet())
        const bindings = [{ gun: GUN, role: TIMESTAMP }]
        await assert.rejects(rig.createKey("snapshot", bindings), refused("key_unfit"))
        const meta = new Map([["snapshot", fileMetaOf(Buffer.from("{}"))]])
        const signed = encodeTimestamp({ type: "timestamp", version: 1, expires: inDays(14), meta })
        const { id } = repository.targets.record
        await rig.rig.keys.bind(id, bindings, [])
        const error = await rig.custody.sign(ADMIN, { keyId: id, gun: GUN, role: TIMESTAMP, signed }).catch((reason: unknown) => reason)
        assert.ok(error instanceof TrustkeyError && error.code === "metadata_rejected", String(error))
        assert.match(error.message, /timestamps are signed by the server/)
    })

    test("TK-AUD-1 no record, no answer: the signature stays inside", async () => {
        let failing = false
        await using rig = await CustodyRig.withGroup({
            onCommit: (changes) => {
                if (failing && changes.some(({ kind }) => kind === "audit.append"))
                    throw new TrustkeyError("storage_failed", "the disk is full")
            },
        })
        const repository = await Repository.begin(rig)
        failing = true
        await assert.rejects(signTargets(repository, targetsBody({ version: 2 })), refused("storage_failed"))
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(3, { v1: "one" })), refused("storage_failed"))
        await assert.rejects(rig.createKey("targets"), refused("storage_failed"))
        // A refusal is an answer too.
        await assert.rejects(signTargets(repository, targetsBody({ version: 1, days: -1 })), refused("storage_failed"))
    })

    test("a daemon that is stopping finishes what it promised and takes nothing new", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const running = signTargets(repository, targetsBody({ version: 2 }))
        const drained = rig.custody.drain()
        await assert.rejects(signTargets(repository, targetsBody({ version: 3 })), refused("shutting_down"))
        await drained
        assert.equal((await running).method, "ecdsa")
    })
})

describe("a snapshot signed alone", () => {
    async function signSnapshot(repository: Repository, version: number, change: (meta: Map<string, FileMeta>) => void = () => {}) {
        const { rig, snapshot } = repository
        assert.ok(snapshot)
        const known = rig.rig.journal.repository(GUN)
        assert.ok(known?.root)
        const targets = known.documents.get(TARGETS)
        assert.ok(targets)
        const meta = new Map(snapshotMeta([known.root, targets]))
        change(meta)
        const signed = encodeSnapshot({ type: "snapshot", version, expires: inDays(100), meta })
        return await rig.custody.sign(ADMIN, { keyId: snapshot.record.id, gun: GUN, role: SNAPSHOT, signed })
    }

    test("names the newest file of every role, or is refused", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const [, old] = await rig.custody.signSet(ADMIN, repository.firstSet())
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }))
        assert.ok(old)
        const stale = fileMetaOf(old.content)
        const bad: Record<string, (meta: Map<string, FileMeta>) => void> = {
            "an old file": (meta) => meta.set("targets", stale),
            "a file left out": (meta) => meta.delete("targets"),
            "a file nobody knows": (meta) => meta.set("targets/other", stale),
        }
        for (const [name, change] of Object.entries(bad)) {
            await assert.rejects(signSnapshot(repository, 3, change), refused("metadata_rejected"), name)
        }
        await signSnapshot(repository, 3)
    })
})

describe("a delegation", () => {
    async function begin(rig: CustodyRig) {
        const repository = await Repository.begin(rig)
        const key = await rig.createKey("delegation", [{ gun: GUN, role: RELEASES }])
        const delegations = [{ name: RELEASES, keys: [tufKey(key.record.publicKey)], paths: ["v"] }]
        const sign = (signed: Uint8Array) => rig.custody.sign(ADMIN, { keyId: key.record.id, gun: GUN, role: RELEASES, signed })
        return { repository, key, delegations, sign }
    }

    test("signs once the parent delegates to its key, and only within its paths", async () => {
        await using rig = await CustodyRig.withGroup()
        const { repository, delegations, sign } = await begin(rig)
        await assert.rejects(sign(targetsBody({ version: 1 })), refused("metadata_rejected"))
        await rig.custody.signSet(ADMIN, repository.set([repository.body("targets", targetsBody({ version: 2, delegations }))], 2))
        await assert.rejects(sign(targetsBody({ version: 1, targets: { latest: "one" } })), refused("metadata_rejected"))
        await sign(targetsBody({ version: 1, targets: { v1: "one" } }))
    })

    test("may stand in the same set as the parent that first delegates to it", async () => {
        await using rig = await CustodyRig.withGroup()
        const { repository, key, delegations } = await begin(rig)
        const bodies = [
            repository.body("targets", targetsBody({ version: 2, delegations })),
            repository.body(RELEASES, targetsBody({ version: 1, targets: { v1: "one" } }), [key]),
        ]
        const files = await rig.custody.signSet(ADMIN, repository.set(bodies, 2))
        assert.deepEqual(
            files.map(({ role }) => role),
            ["targets", "targets/releases", "snapshot"],
        )
        const snapshot = files.at(-1)
        assert.ok(snapshot)
        const { document } = parseFile(snapshot.content, SNAPSHOT).signed
        assert.ok(document.type === "snapshot")
        assert.deepEqual([...document.meta.keys()].sort(), ["root", "targets", "targets/releases"])
    })
})

describe("a new root", () => {
    const signRoot = (repository: Repository, signed: Uint8Array, principal = ADMIN) =>
        repository.rig.custody.sign(principal, { keyId: repository.root.record.id, gun: GUN, role: ROOT, signed })

    test("that changes keys or a threshold needs a permission, and one that lowers a threshold another", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        const second = await rig.createKey("targets")
        const both = { ...repository.keys, targets: [...repository.keys.targets, tufKey(second.record.publicKey)] }
        const one = repository.rootBody(1, { keys: both, thresholds: { targets: 2 } })
        const bodies = [repository.body("root", one), repository.body("targets", targetsBody({ version: 1 }), [repository.targets, second])]
        await rig.custody.signSet(ADMIN, repository.set(bodies, 1))
        const release = caller("release")
        rig.allow([{ who: release, do: ["sign"] }])
        const two = repository.rootBody(2, { keys: both, thresholds: { targets: 1 } })
        await assert.rejects(signRoot(repository, two, release), /\bthat needs a rule that allows rotate for root of/)
        rig.allow([{ who: release, do: ["sign", "rotate"] }])
        await assert.rejects(signRoot(repository, two, release), refused("threshold_lowered"))
        assert.equal(rig.rig.journal.repository(GUN)?.marks.get(ROOT)?.version, 1)
        await signRoot(repository, two)
    })

    test("follows the last one, has its certificates in order, and no consistent_snapshot", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await assert.rejects(signRoot(repository, repository.rootBody(3)), refused("root_rejected"))
        await assert.rejects(signRoot(repository, repository.rootBody(2, { consistentSnapshot: true })), refused("root_rejected"))
        const bare = { ...repository.keys, root: [tufKey(repository.root.record.publicKey)] }
        await assert.rejects(signRoot(repository, repository.rootBody(2, { keys: bare })), refused("root_rejected"))
        await assert.rejects(signRoot(repository, repository.rootBody(1, { days: 30 })), refused("equivocation_refused"))
        await signRoot(repository, repository.rootBody(2))
        // Incomplete until it is released in a set, so a third can't follow it.
        await assert.rejects(signRoot(repository, repository.rootBody(3)), refused("root_rejected"))
    })

    test("of a repository that was never taken in has to be version 1", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.prepare(rig)
        await assert.rejects(signRoot(repository, repository.rootBody(2)), refused("repository_unknown"))
        await signRoot(repository, repository.rootBody(1))
        // A retry, and other content.
        await signRoot(repository, repository.rootBody(1))
        await assert.rejects(signRoot(repository, repository.rootBody(1, { days: 30 })), refused("equivocation_refused"))
    })
})

describe("released targets", () => {
    const limit = { gun: [parseGlob("**")], maxValidity: new Map(), immutableTargets: [parseGlob("v*")] }

    test("that are immutable never change, move or go away", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        rig.allow([], [limit])
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one", latest: "one" }))
        const changed = (targets: Record<string, string>): SignSetRequest => repository.targetsSet(3, targets)
        await assert.rejects(rig.custody.signSet(ADMIN, changed({ v1: "two", latest: "two" })), refused("immutable_target"))
        await assert.rejects(rig.custody.signSet(ADMIN, changed({ latest: "two" })), refused("immutable_target"))
        await rig.custody.signSet(ADMIN, changed({ v1: "one", v2: "two", latest: "two" }))
    })

    test("of another role count too", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        rig.allow([], [limit])
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }))
        const key = await rig.createKey("delegation", [{ gun: GUN, role: RELEASES }])
        const delegations = [{ name: RELEASES, keys: [tufKey(key.record.publicKey)] }]
        const release = (content: string) =>
            rig.custody.signSet(
                ADMIN,
                repository.set(
                    [
                        repository.body("targets", targetsBody({ version: 3, targets: { v1: "one" }, delegations })),
                        repository.body(RELEASES, targetsBody({ version: 1, targets: { v1: content } }), [key]),
                    ],
                    3,
                ),
            )
        await assert.rejects(release("two"), refused("immutable_target"))
        await release("one")
    })
})

/** Until the promise is in the database: what comes then is the signer's turn. */
async function untilPromised(rig: CustodyRig, version: number): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
        const entries = await rig.custody.showJournal(ADMIN, { gun: GUN, role: TARGETS, after: 0, limit: 100 })
        if (entries.some((entry) => entry.version === version)) return
        await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.fail("no promise was made")
}

test("a repository opened with a group passphrase is signed for by nobody who only knows the key", async () => {
    await using rig = await CustodyRig.withGroup()
    const repository = await Repository.begin(rig)
    await rig.custody.lock(ADMIN, { subject: "all" })
    await assert.rejects(signTargets(repository, targetsBody({ version: 2 })), refused("key_locked"))
    const sealed = await rig.seal("unlock", `group:${GROUP}`, `${PASSPHRASE}!`)
    const request = { subject: { group: GROUP }, sealed, ttlSeconds: 0, uses: 0 }
    await assert.rejects(rig.custody.unlock(ADMIN, request), refused("open_failed"))
})
