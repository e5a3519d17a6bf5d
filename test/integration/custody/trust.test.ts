import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { certificateKey, checkRootSuccession, encodeRoot, keyIdOf, parseFile, parseGun, ROOT, TARGETS } from "../../../src/tuf/index.ts"
import { DOCKER_GUN, dockerRepository, stockKeyFiles } from "../../support/notary-vectors.ts"
import { TestRepository } from "../../support/repository-builder.ts"
import { ADMIN, CustodyRig, caller, type File, GROUP, GUN, inDays, Repository, refused, targetsBody } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")

/** What a server of the test's would serve. */
const served = (repository: TestRepository): readonly File[] => [
    ...repository.roots,
    ...repository.files.filter(({ role }) => role !== "root"),
]

async function mark(rig: CustodyRig, role = TARGETS): Promise<number | undefined> {
    return (await rig.custody.showTrust(ADMIN, { gun: GUN })).repository?.marks.get(role)?.version
}

async function fingerprintOf(rig: CustodyRig, files: readonly File[]): Promise<string> {
    let fingerprint = ""
    await assert.rejects(rig.custody.adopt(ADMIN, { gun: GUN, files, confirm: "" }), (error) => {
        fingerprint = /[0-9a-f]{64}/.exec(String(error))?.[0] ?? ""
        return error instanceof Error && "code" in error && error.code === "confirmation_required"
    })
    return fingerprint
}

async function adopt(rig: CustodyRig, files: readonly File[]): Promise<void> {
    await rig.custody.adopt(ADMIN, { gun: GUN, files, confirm: (await fingerprintOf(rig, files)).slice(0, 16) })
}

describe("adopting a repository made elsewhere", () => {
    test("needs the whole root chain and the first digits of its fingerprint", async () => {
        await using rig = await CustodyRig.open()
        const theirs = new TestRepository(GUN, new Date()).publish({ v1: "one" }).rotate()
        const fingerprint = await fingerprintOf(rig, served(theirs))
        const first = theirs.roots[0]
        assert.ok(first)
        assert.equal(fingerprint, parseFile(first.content, ROOT).signed.sha256)
        await assert.rejects(
            rig.custody.adopt(ADMIN, { gun: GUN, files: served(theirs), confirm: "00000000" }),
            refused("confirmation_required"),
        )
        const withoutFirst = served(theirs).filter((file) => file !== first)
        await assert.rejects(rig.custody.adopt(ADMIN, { gun: GUN, files: withoutFirst, confirm: "" }), refused("invalid_request"))
        const view = await rig.custody.adopt(ADMIN, { gun: GUN, files: served(theirs), confirm: fingerprint.slice(0, 16) })
        assert.deepEqual(
            [view.repository?.origin, view.repository?.lineage, await mark(rig, ROOT), await mark(rig)],
            ["adopted", fingerprint, 2, 2],
        )
        await rig.restart()
        assert.deepEqual([await mark(rig, ROOT), await mark(rig)], [2, 2])
    })

    test("believes no file that does not verify, and no second lineage", async () => {
        await using rig = await CustodyRig.open()
        const theirs = new TestRepository(GUN, new Date())
        const forged = served(theirs).map((file) => ({
            ...file,
            content: Buffer.from(Buffer.from(file.content).toString().replace('"version":1', '"version":9')),
        }))
        await assert.rejects(rig.custody.adopt(ADMIN, { gun: GUN, files: forged, confirm: "" }), (error) => {
            return error instanceof Error && "code" in error && ["verification_failed", "invalid_request"].includes(String(error.code))
        })
        assert.equal((await rig.custody.showTrust(ADMIN, { gun: GUN })).repository, undefined)
        await adopt(rig, served(theirs))
        const second = served(new TestRepository(GUN, new Date()))
        const fingerprint = await fingerprintOf(rig, second)
        await assert.rejects(
            rig.custody.adopt(ADMIN, { gun: GUN, files: second, confirm: fingerprint.slice(0, 16) }),
            refused("already_exists"),
        )
    })

    test("TK-JRN-4 after a reset keeps the marks the lineage had", async () => {
        await using rig = await CustodyRig.open()
        const theirs = new TestRepository(GUN, new Date()).publish({ v1: "one" })
        const old = served(theirs)
        theirs.publish({ v1: "one", v2: "two" })
        await adopt(rig, served(theirs))
        await assert.rejects(rig.custody.reset(ADMIN, { gun: GUN, confirm: "" }), refused("confirmation_required"))
        await rig.custody.reset(ADMIN, { gun: GUN, confirm: GUN })
        assert.equal((await rig.custody.showTrust(ADMIN, { gun: GUN })).repository?.state, "reset")
        await assert.rejects(adopt(rig, old), refused("rollback_detected"))
        await adopt(rig, served(theirs))
        assert.equal(await mark(rig), 3)
    })
})

describe("a root key that comes from a file", () => {
    test("TK-KEY-3 signs its repository's next root under the certificate that is published, and no other is made", async () => {
        await using rig = await CustodyRig.withGroup()
        const gun = parseGun(DOCKER_GUN)
        const files = dockerRepository()
        const first = files.find(({ role }) => role === ROOT)
        assert.ok(first)
        const published = parseFile(first.content, ROOT)
        await rig.custody.adopt(ADMIN, { gun, files, confirm: published.signed.sha256 })
        const root = published.signed.document
        const stock = stockKeyFiles().find(({ file, role }) => file.startsWith("docker/") && role === "root")
        assert.ok(root.type === "root" && stock)

        const home = { kind: "group" as const, group: GROUP }
        const pkcs8 = await rig.sealBytes("import", "new", Buffer.from(stock.pkcs8))
        const { record } = await rig.custody.importKey(ADMIN, { pkcs8, purpose: "root", label: "", home, bindings: [] })
        // What is published is known without the key.
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        const { pem, tufKeyId } = await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun })
        assert.deepEqual(root.roles.get("root")?.keyIds, [tufKeyId])
        assert.equal(keyIdOf(certificateKey(pem)), tufKeyId)
        assert.deepEqual(await rig.custody.showJournal(ADMIN, { after: 0, limit: 10 }), [])
        assert.deepEqual((await rig.custody.getKey(ADMIN, { id: record.id })).record.bindings, [{ gun, role: "root" }])

        await rig.openGroup()
        const signed = encodeRoot({ ...root, version: 2, expires: inDays(3000) })
        const body = { role: ROOT, signed, keyIds: [record.id], signatures: [] }
        const [next] = await rig.custody.signSet(ADMIN, { gun, published: files, bodies: [body] })
        assert.ok(next)
        checkRootSuccession(published, parseFile(next.content, ROOT))
        assert.deepEqual(
            parseFile(next.content, ROOT).signatures.map(({ keyId }) => keyId),
            [tufKeyId],
        )
        await rig.restart()
        assert.deepEqual(await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun }), { pem, tufKeyId })
        assert.deepEqual(
            [...((await rig.custody.showTrust(ADMIN, { gun })).repository?.marks.entries() ?? [])]
                .map(([role, { version, expires }]) => {
                    return [role, version, Number.isNaN(Date.parse(expires))]
                })
                .sort(),
            [
                ["root", 2, false],
                ["snapshot", 3, false],
                ["targets", 3, false],
                ["targets/dana", 1, false],
                ["targets/releases", 1, false],
                ["timestamp", 3, false],
            ],
        )
    })
})

describe("what is published", () => {
    test("TK-JRN-4 raises the marks before anything is signed, and lowers none", async () => {
        await using rig = await CustodyRig.withGroup()
        const theirs = new TestRepository(GUN, new Date())
        await adopt(rig, served(theirs))
        const old = served(theirs)
        theirs.publish({ v1: "one" }).publish({ v1: "one", v2: "two" })
        const { marks } = await rig.custody.observe(ADMIN, { gun: GUN, files: served(theirs) })
        assert.equal(marks.get(TARGETS)?.version, 3)
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: old }), refused("rollback_detected"))
        assert.equal(await mark(rig), 3)
        const repository = await Repository.prepare(rig)
        const request = { keyId: repository.targets.record.id, gun: GUN, role: TARGETS, signed: targetsBody({ version: 2 }) }
        // Not our key: but the version is said first to whoever may ask.
        await assert.rejects(rig.custody.sign(ADMIN, request), refused("metadata_rejected"))
    })

    test("with other content for a version, of a forger, or of a repository nobody knows counts for nothing", async () => {
        await using rig = await CustodyRig.open()
        const theirs = new TestRepository(GUN, new Date())
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: served(theirs) }), refused("repository_unknown"))
        await adopt(rig, served(theirs))
        const forger = new TestRepository(GUN, new Date()).publish({ v1: "evil" })
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: served(forger) }), refused("verification_failed"))
        const withoutRoots = served(forger).filter(({ role }) => role !== "root")
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: withoutRoots }), refused("verification_failed"))
        assert.equal(await mark(rig), 1)
    })

    test("twice a role, too many files and no files are refused", async () => {
        await using rig = await CustodyRig.open()
        const theirs = new TestRepository(GUN, new Date())
        await adopt(rig, served(theirs))
        const files = served(theirs)
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: [...files, theirs.targets] }), refused("invalid_request"))
        await assert.rejects(
            rig.custody.observe(ADMIN, { gun: GUN, files: Array(4097).fill(theirs.targets) }),
            refused("payload_too_large"),
        )
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: [] }), refused("no_trust_data"))
        const large = { role: TARGETS, content: Buffer.alloc(33 * 1024 * 1024) }
        await assert.rejects(rig.custody.observe(ADMIN, { gun: GUN, files: [large, large] }), refused("payload_too_large"))
    })

    test("that expired still raises marks: it was signed and published", async () => {
        await using rig = await CustodyRig.open()
        const theirs = new TestRepository(GUN, new Date())
        await adopt(rig, served(theirs))
        theirs.publish({ v1: "one" })
        rig.now = () => new Date(Date.now() + 2 * 365 * 86_400_000)
        await rig.custody.observe(ADMIN, { gun: GUN, files: served(theirs) })
        assert.equal(await mark(rig), 2)
    })
})

describe("the outbox", () => {
    test("holds what was signed until it is seen published, over a restart", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const files = await rig.custody.outbox(ADMIN, { gun: GUN })
        await rig.restart()
        const waiting = await rig.custody.outbox(ADMIN, { gun: GUN })
        assert.deepEqual(
            waiting.map(({ content }) => Buffer.from(content)),
            files.map(({ content }) => Buffer.from(content)),
        )
        const { published } = await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish(files, 1) })
        assert.deepEqual([...published].sort(), ["root", "snapshot", "targets"])
        assert.deepEqual(await rig.custody.outbox(ADMIN, { gun: GUN }), [])
    })
})

describe("a root promise", () => {
    test("TK-JRN-2 that was never published can be voided, on the record; then its version is free", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const first = repository.publish(await rig.custody.outbox(ADMIN, { gun: GUN }), 1)
        await rig.custody.observe(ADMIN, { gun: GUN, files: first })
        await rig.custody.signSet(ADMIN, repository.set([repository.body("root", repository.rootBody(2))], 2))
        const other = repository.set([repository.body("root", repository.rootBody(2, { days: 100 }))], 3)
        await assert.rejects(rig.custody.signSet(ADMIN, other), refused("equivocation_refused"))
        const place = { gun: GUN, role: ROOT, version: 2 }
        await assert.rejects(rig.custody.voidPromise(ADMIN, { ...place, confirm: "yes" }), refused("confirmation_required"))
        await assert.rejects(rig.custody.voidPromise(ADMIN, { ...place, role: TARGETS, confirm: "void 2" }), refused("invalid_request"))
        await assert.rejects(rig.custody.voidPromise(ADMIN, { ...place, version: 1, confirm: "void 1" }), refused("not_found"))
        await rig.custody.voidPromise(ADMIN, { ...place, confirm: "void 2" })
        assert.deepEqual(await rig.custody.outbox(ADMIN, { gun: GUN }), [])
        await rig.restart()
        await rig.custody.observe(ADMIN, { gun: GUN, files: first })
        const files = await rig.custody.signSet(ADMIN, other)
        const entries = (await rig.custody.showJournal(ADMIN, { gun: GUN, role: ROOT, after: 0, limit: 100 })).filter(
            ({ kind, version }) => {
                return kind === "notary-metadata" && version === 2
            },
        )
        assert.deepEqual(
            entries.map(({ state }) => state),
            ["void", "signed"],
        )
        // The new snapshot names what is published, and no file of the voided set.
        const targets = first.find(({ role }) => role === "targets")
        assert.ok(targets)
        const { published } = await rig.custody.observe(ADMIN, { gun: GUN, files: repository.publish([...files, targets], 3) })
        assert.deepEqual([...published].sort(), ["root", "snapshot"])
        await assert.rejects(rig.custody.voidPromise(ADMIN, { ...place, confirm: "void 2" }), refused("invalid_request"))
    })

    test("of version 1 that is voided ends the lineage, and another may begin", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        await rig.custody.voidPromise(ADMIN, { gun: GUN, role: ROOT, version: 1, confirm: "void 1" })
        await assert.rejects(rig.custody.signSet(ADMIN, repository.targetsSet(2, {})), refused("repository_unknown"))
        // The same root again would bring a voided lineage back.
        await assert.rejects(rig.custody.signSet(ADMIN, repository.firstSet()), refused("rollback_refused"))
        const bodies = [
            repository.body("root", repository.rootBody(1, { days: 100 })),
            repository.body("targets", targetsBody({ version: 1 })),
        ]
        await rig.custody.signSet(ADMIN, repository.set(bodies, 1))
    })
})

describe("a reset", () => {
    test("ends the lineage; what was signed for it is not released into the next", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const before = (await rig.custody.showTrust(ADMIN, { gun: GUN })).repository?.lineage
        await rig.custody.reset(ADMIN, { gun: GUN, confirm: GUN })
        await assert.rejects(rig.custody.reset(ADMIN, { gun: GUN, confirm: GUN }), refused("repository_unknown"))
        assert.deepEqual(await rig.custody.outbox(ADMIN, { gun: GUN }), [])
        const bodies = [
            repository.body("root", repository.rootBody(1, { days: 100 })),
            repository.body("targets", targetsBody({ version: 1 })),
        ]
        await rig.custody.signSet(ADMIN, repository.set(bodies, 1))
        const after = (await rig.custody.showTrust(ADMIN, { gun: GUN })).repository
        assert.notEqual(after?.lineage, before)
        assert.deepEqual(after?.oldLineages, [before])
    })
})

describe("repositories of others", () => {
    test("TK-POL-1 look like none to whoever may not see them", async () => {
        await using rig = await CustodyRig.withGroup()
        await Repository.begin(rig)
        const other = await Repository.begin(rig, { gun: OTHER })
        const [release, stranger] = [caller("release"), caller("stranger")]
        rig.allow([{ who: release, do: ["sign"], gun: GUN, role: ["targets"] }])
        assert.deepEqual(
            (await rig.custody.listTrust(release)).map(({ gun }) => gun),
            [GUN],
        )
        assert.deepEqual(await rig.custody.listTrust(stranger), [])
        assert.equal((await rig.custody.showTrust(release, { gun: GUN })).outbox, 3)
        const entries = await rig.custody.showJournal(release, { after: 0, limit: 100 })
        assert.ok(entries.length > 0 && entries.every(({ gun }) => gun === GUN))
        assert.deepEqual(await rig.custody.showJournal(stranger, { after: 0, limit: 100 }), [])
        const unknown = parseGun("registry.example.com/team/nothing")
        const answers: string[] = []
        for (const gun of [OTHER, unknown]) {
            for (const ask of [
                () => rig.custody.showTrust(release, { gun }),
                () => rig.custody.outbox(release, { gun }),
                () => rig.custody.observe(release, { gun, files: [] }),
                () => rig.custody.showJournal(release, { gun, after: 0, limit: 10 }),
                () => rig.custody.adopt(release, { gun, files: [], confirm: "" }),
                () => rig.custody.reset(release, { gun, confirm: gun }),
                () => rig.custody.voidPromise(release, { gun, role: ROOT, version: 1, confirm: "void 1" }),
            ]) {
                await assert.rejects(ask, (error) => error instanceof Error && answers.push(error.message) > 0)
            }
        }
        assert.equal(new Set(answers).size, 1, answers.join("\n"))
        assert.equal(other.gun, OTHER)
    })
})
