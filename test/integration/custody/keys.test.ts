import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { TrustkeyError } from "../../../src/errors.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { certificateKey, keyIdOf, parseFile, parseGun, parseRoleName, ROOT, SNAPSHOT, TARGETS } from "../../../src/tuf/index.ts"
import { startSoftHsm } from "../../support/softhsm.ts"
import { ADMIN, CustodyRig, caller, GROUP, GUN, PASSPHRASE, Repository, refused, targetsBody } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")
const NEW = { algorithm: "p256", label: "a key", bindings: [{ gun: GUN, role: TARGETS }] } as const

describe("making keys", () => {
    test("under a passphrase of its own, locked until it is unlocked with that", async () => {
        await using rig = await CustodyRig.open()
        const sealed = await rig.seal("create", "new", PASSPHRASE)
        const { record, state } = await rig.custody.createKey(ADMIN, { ...NEW, purpose: "targets", home: { kind: "passphrase", sealed } })
        assert.deepEqual([record.home.kind, record.origin, state.state, state.ready], ["sealed", "generated", "locked", false])
        const request = { subject: { keyId: record.id.slice(0, 12) }, ttlSeconds: 60, uses: 0 }
        const wrong = await rig.seal("unlock", record.id, "wrong")
        await assert.rejects(rig.custody.unlock(ADMIN, { ...request, sealed: wrong }), refused("open_failed"))
        const right = await rig.seal("unlock", record.id, PASSPHRASE)
        const { until } = await rig.custody.unlock(ADMIN, { ...request, sealed: right })
        assert.ok(until && until.getTime() - Date.now() <= 60_000)
        await assert.rejects(rig.custody.unlock(ADMIN, { ...request, ttlSeconds: 3601 }), refused("invalid_request"))
        const change = { subject: { keyId: record.id }, oldSealed: await rig.seal("passphrase-old", record.id, PASSPHRASE) }
        await rig.custody.changePassphrase(ADMIN, { ...change, newSealed: await rig.seal("passphrase-new", record.id, "another") })
        const old = await rig.seal("unlock", record.id, PASSPHRASE)
        await assert.rejects(rig.custody.unlock(ADMIN, { ...request, sealed: old }), refused("open_failed"))
        assert.deepEqual(
            (await rig.records("unlock")).map(({ outcome }) => outcome),
            ["open_failed", "ok", "invalid_request", "open_failed"],
        )
    })

    test("fit for the purpose: no Ed25519 root, no binding of another role", async () => {
        await using rig = await CustodyRig.withGroup()
        const home = { kind: "group" as const, group: GROUP }
        const root = { ...NEW, algorithm: "ed25519", purpose: "root", bindings: [], home } as const
        await assert.rejects(rig.custody.createKey(ADMIN, root), refused("key_unfit"))
        await assert.rejects(rig.custody.createKey(ADMIN, { ...NEW, purpose: "snapshot", home }), refused("key_unfit"))
        const key = await rig.createKey("delegation", [{ gun: GUN, role: parseRoleName("targets/releases") }])
        const bind = { id: key.record.id, remove: [] }
        await assert.rejects(rig.custody.bindKey(ADMIN, { ...bind, add: [{ gun: GUN, role: TARGETS }] }), refused("key_unfit"))
        const bound = await rig.custody.bindKey(ADMIN, { ...bind, add: [{ gun: OTHER, role: parseRoleName("targets/dev") }] })
        assert.equal(bound.record.bindings.length, 2)
        const rest = await rig.custody.bindKey(ADMIN, { id: key.record.id, add: [], remove: bound.record.bindings.slice(0, 1) })
        assert.deepEqual(rest.record.bindings, [{ gun: OTHER, role: "targets/dev" }])
    })

    test("TK-KEY-2 on a token or not at all", async () => {
        await using token = await startSoftHsm()
        const tokens = [
            {
                name: "root",
                module: token.module,
                uri: `pkcs11:token=${token.label};serial=${token.serial}`,
                environment: { SOFTHSM2_CONF: token.conf },
                deadlineMs: 10_000,
            },
        ]
        await using rig = await CustodyRig.withGroup({ tokens })
        const spec = { ...NEW, purpose: "root", bindings: [] } as const
        const on = (name: string) => rig.custody.createKey(ADMIN, { ...spec, home: { kind: "token", token: name } })
        await assert.rejects(on("root"), refused("login_required"))
        await assert.rejects(on("elsewhere"), refused("not_found"))
        const absent = { ...tokens[0], uri: "pkcs11:token=nothing" }
        assert.equal(absent.name, "root")
        assert.deepEqual((await rig.custody.listKeys(ADMIN, ALL)).keys, [])
        const wrong = {
            token: "root",
            sealed: await rig.seal("login", "token:root", "00000000"),
            evenFinalTry: false,
            ttlSeconds: 0,
            uses: 0,
        }
        await assert.rejects(rig.custody.login(ADMIN, wrong), refused("pin_incorrect"))
        const right = {
            token: "root",
            sealed: await rig.seal("login", "token:root", token.userPin),
            evenFinalTry: false,
            ttlSeconds: 0,
            uses: 0,
        }
        assert.equal((await rig.custody.login(ADMIN, right)).state, "logged-in")
        const { record } = await on("root")
        assert.equal(record.home.kind, "token")
        assert.deepEqual(
            (await rig.custody.tokenObjects(ADMIN, { token: "root" })).map(({ keyId }) => keyId),
            [record.id],
        )
        // A whole repository with its root on the token.
        const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: record.id, gun: GUN })
        const repository = await Repository.prepare(rig)
        const keys = { ...repository.keys, root: [certificateKey(pem)] }
        const bodies = [
            { ...repository.body("root", repository.rootBody(1, { keys })), keyIds: [record.id] },
            repository.body("targets", targetsBody({ version: 1 })),
        ]
        const files = await rig.custody.signSet(ADMIN, repository.set(bodies, 1))
        assert.equal(files.length, 3)
        // The rest of the work needs no root key: the token may go.
        assert.equal((await rig.custody.logout(ADMIN, { token: "root" })).state, "present")
        await rig.custody.signSet(ADMIN, repository.targetsSet(2, { v1: "one" }))
        const signed = repository.rootBody(2, { keys })
        await assert.rejects(rig.custody.sign(ADMIN, { keyId: record.id, gun: GUN, role: ROOT, signed }), refused("login_required"))
        assert.deepEqual(
            (await rig.records("login")).map(({ outcome }) => outcome),
            ["pin_incorrect", "ok"],
        )
    })

    test("and removing them leaves a tombstone nobody can use or bring back", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const { id } = repository.targets.record
        await assert.rejects(rig.custody.removeKey(ADMIN, { id, confirm: "" }), refused("confirmation_required"))
        await assert.rejects(rig.custody.removeKey(ADMIN, { id, confirm: id.slice(0, 8) }), refused("confirmation_required"))
        const { record, state } = await rig.custody.removeKey(ADMIN, { id, confirm: `${id.slice(0, 8)} is still needed` })
        assert.ok(record.removedAt !== undefined)
        assert.equal(state.state, "removed")
        const signed = targetsBody({ version: 2 })
        await assert.rejects(rig.custody.sign(ADMIN, { keyId: id, gun: GUN, role: TARGETS, signed }), refused("denied"))
        await assert.rejects(rig.custody.removeKey(ADMIN, { id, confirm: id.slice(0, 8) }), refused("denied"))
        await assert.rejects(rig.custody.bindKey(ADMIN, { id, add: [], remove: [] }), refused("denied"))
        await assert.rejects(rig.custody.challenge(ADMIN, { purpose: "unlock", subject: id }), refused("denied"))
        const idsOf = async (includeRemoved: boolean) =>
            (await rig.custody.listKeys(ADMIN, { ...ALL, includeRemoved })).keys.map((key) => key.record.id)
        assert.ok(!(await idsOf(false)).includes(id))
        assert.ok((await idsOf(true)).includes(id))
    })
})

const ALL = { includeRemoved: true, pageSize: 100, pageToken: "" }

describe("listing keys", () => {
    test("gives pages in the order of IDs, only of the repository or role asked for", async () => {
        await using rig = await CustodyRig.withGroup()
        await rig.createKey("targets")
        await rig.createKey("snapshot")
        await rig.createKey("targets", [{ gun: OTHER, role: TARGETS }])
        const ids: string[] = []
        for (let pageToken = "", pages = 0; pages < 4; pages += 1) {
            const { keys, nextPageToken } = await rig.custody.listKeys(ADMIN, { includeRemoved: false, pageSize: 2, pageToken })
            ids.push(...keys.map(({ record }) => record.id))
            pageToken = nextPageToken
            if (pageToken === "") break
        }
        assert.equal(ids.length, 3)
        assert.deepEqual(ids, [...ids].sort())
        assert.equal((await rig.custody.listKeys(ADMIN, { ...ALL, gun: GUN })).keys.length, 2)
        assert.equal((await rig.custody.listKeys(ADMIN, { ...ALL, role: TARGETS })).keys.length, 2)
        assert.equal((await rig.custody.listKeys(ADMIN, { ...ALL, gun: GUN, role: SNAPSHOT })).keys.length, 1)
    })
})

describe("a root certificate", () => {
    test("TK-SIG-1 is made once per key and repository, and is the same ever after, for two who ask at once too", async () => {
        await using rig = await CustodyRig.withGroup()
        const key = await rig.createKey("root", [])
        const ask = () => rig.custody.rootCertificate(ADMIN, { keyId: key.record.id, gun: GUN })
        const [one, two] = await Promise.all([ask(), ask()])
        assert.equal(one.pem, two.pem)
        await rig.restart()
        const again = await ask()
        assert.deepEqual(again, one)
        assert.equal(again.tufKeyId, keyIdOf(certificateKey(again.pem)))
        assert.deepEqual((await rig.custody.getKey(ADMIN, { id: key.record.id })).record.bindings, [{ gun: GUN, role: "root" }])
    })

    test("is refused for other keys, and for a locked one before anything is promised or bound", async () => {
        await using rig = await CustodyRig.withGroup()
        const targets = await rig.createKey("targets")
        await assert.rejects(rig.custody.rootCertificate(ADMIN, { keyId: targets.record.id, gun: GUN }), refused("key_unfit"))
        const root = await rig.createKey("root", [])
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await assert.rejects(rig.custody.rootCertificate(ADMIN, { keyId: root.record.id, gun: GUN }), refused("key_locked"))
        assert.deepEqual((await rig.custody.getKey(ADMIN, { id: root.record.id })).record.bindings, [])
        assert.deepEqual(await rig.custody.showJournal(ADMIN, { after: 0, limit: 10 }), [])
    })

    test("binds the key only for whom may bind it", async () => {
        await using rig = await CustodyRig.withGroup()
        const root = await rig.createKey("root", [])
        const release = caller("release")
        rig.allow([{ who: release, do: ["certificate"] }])
        await assert.rejects(rig.custody.rootCertificate(release, { keyId: root.record.id, gun: GUN }), refused("denied"))
        rig.allow([{ who: release, do: ["certificate", "bind"] }])
        await rig.custody.rootCertificate(release, { keyId: root.record.id, gun: GUN })
    })
})

describe("groups", () => {
    test("open many keys by one passphrase, and need a rule without limits", async () => {
        await using rig = await CustodyRig.withGroup()
        await rig.createKey("targets")
        const [group] = await rig.custody.listGroups(ADMIN)
        assert.deepEqual([group?.name, group?.byPassphrase, group?.unlocked, group?.keys], [GROUP, true, true, 1])
        await assert.rejects(rig.custody.createGroup(ADMIN, { name: "empty" }), refused("invalid_request"))
        const sealed = await rig.seal("create", `group:${GROUP}`, PASSPHRASE)
        await assert.rejects(rig.custody.createGroup(ADMIN, { name: GROUP, sealed }), refused("already_exists"))
        const team = caller("team")
        rig.allow([{ who: team, do: ["*"], gun: "registry.example.com/team/**" }])
        assert.deepEqual(await rig.custody.listGroups(team), [])
        const unlock = { subject: { group: GROUP }, sealed, ttlSeconds: 0, uses: 0 }
        await assert.rejects(rig.custody.unlock(team, unlock), refused("denied"))
        await assert.rejects(rig.custody.lock(team, { subject: { group: GROUP } }), refused("denied"))
        await assert.rejects(rig.custody.lock(team, { subject: "all" }), refused("denied"))
        await assert.rejects(rig.custody.createGroup(team, { name: "other", sealed }), refused("denied"))
    })

    test("a locked one makes no key: there is no other home to fall back to", async () => {
        await using rig = await CustodyRig.withGroup()
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await assert.rejects(rig.createKey("targets"), refused("key_locked"))
        assert.deepEqual((await rig.custody.listKeys(ADMIN, ALL)).keys, [])
    })
})

describe("a challenge", () => {
    test("TK-SEC-2 is given for a purpose the caller may pursue, and for nothing else", async () => {
        await using rig = await CustodyRig.withGroup()
        const key = await rig.createKey("targets")
        const [release, stranger] = [caller("release"), caller("stranger")]
        rig.allow([{ who: release, do: ["unlock", "create-key"], gun: GUN }])
        const ask = (who: Principal, purpose: string, subject: string) => rig.custody.challenge(who, { purpose, subject })
        const { subject, nonce, signerPublic } = await ask(release, "unlock", key.record.id.slice(0, 10))
        assert.deepEqual([subject, nonce.length, signerPublic.length], [key.record.id, 16, 32])
        await ask(release, "create", "new")
        await assert.rejects(ask(release, "frobnicate", key.record.id), refused("invalid_request"))
        for (const [who, purpose, about] of [
            [stranger, "unlock", key.record.id],
            [stranger, "create", "new"],
            [release, "passphrase-old", key.record.id],
            [release, "unlock", `group:${GROUP}`],
            [release, "login", "token:root"],
            [release, "create", `group:${GROUP}`],
            [release, "unlock", "f".repeat(64)],
            [ADMIN, "unlock", "f".repeat(64)],
        ] as const) {
            await assert.rejects(ask(who, purpose, about), refused("denied"), `${who.name} ${purpose} ${about}`)
        }
    })
})

describe("permission", () => {
    test("TK-POL-1 a key one may not use, one that was removed and one that never was get one answer, from every operation", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const gone = await rig.createKey("targets")
        await rig.custody.removeKey(ADMIN, { id: gone.record.id, confirm: gone.record.id.slice(0, 8) })
        const stranger = caller("stranger")
        const sealed = { ephemeralPublic: Buffer.alloc(32), nonce: Buffer.alloc(16), ciphertext: Buffer.alloc(32) }
        const answers = new Set<string>()
        for (const id of [repository.targets.record.id, gone.record.id, "f".repeat(64), repository.targets.record.id.slice(0, 12)]) {
            const subject = { keyId: id }
            for (const ask of [
                () => rig.custody.sign(stranger, { keyId: id, gun: GUN, role: TARGETS, signed: targetsBody({ version: 2 }) }),
                () =>
                    rig.custody.signSet(stranger, {
                        gun: GUN,
                        published: [],
                        bodies: [{ role: TARGETS, signed: Buffer.from("{"), keyIds: [id], signatures: [] }],
                    }),
                () => rig.custody.getKey(stranger, { id }),
                () => rig.custody.bindKey(stranger, { id, add: [], remove: [] }),
                () => rig.custody.removeKey(stranger, { id, confirm: id.slice(0, 8) }),
                () => rig.custody.unlock(stranger, { subject, sealed, ttlSeconds: 0, uses: 0 }),
                () => rig.custody.lock(stranger, { subject }),
                () => rig.custody.changePassphrase(stranger, { subject, oldSealed: sealed, newSealed: sealed }),
                () => rig.custody.rootCertificate(stranger, { keyId: id, gun: GUN }),
                () => rig.custody.challenge(stranger, { purpose: "unlock", subject: id }),
            ]) {
                await assert.rejects(
                    ask,
                    (error) => error instanceof TrustkeyError && answers.add(`${error.code}: ${error.message}`).size > 0,
                )
            }
        }
        assert.equal(answers.size, 1, [...answers].join("\n"))
        assert.deepEqual((await rig.custody.listKeys(stranger, ALL)).keys, [])
        // Gathered: 44 refusals did not make 44 records.
        const denials = (await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })).filter(
            ({ outcome }) => outcome === "denied",
        )
        assert.ok(denials.length > 0 && denials.length <= 8, `${denials.length} records`)
    })

    test("TK-POL-3 using a key needs permission for everything it is bound to", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const release = caller("release")
        rig.allow([{ who: release, do: ["sign"], gun: GUN, role: ["targets"] }])
        const { id } = repository.targets.record
        const sign = (version: number) =>
            rig.custody.sign(release, { keyId: id, gun: GUN, role: TARGETS, signed: targetsBody({ version }) })
        await sign(2)
        await rig.custody.bindKey(ADMIN, { id, add: [{ gun: OTHER, role: TARGETS }], remove: [] })
        await assert.rejects(sign(3), refused("denied"))
        // Two rules together may allow it.
        rig.allow([
            { who: release, do: ["sign"], gun: GUN, role: ["targets"] },
            { who: release, do: ["sign"], gun: OTHER, role: ["targets"] },
        ])
        await sign(3)
    })

    test("TK-POL-1 what no rule allows is denied: the daemon's own records and state too", async () => {
        await using rig = await CustodyRig.withGroup()
        await Repository.begin(rig)
        const stranger = caller("stranger")
        await assert.rejects(rig.custody.listAudit(stranger, { after: 0, limit: 10, newest: false }), refused("denied"))
        await assert.rejects(rig.custody.verifyAudit(stranger), refused("denied"))
        await assert.rejects(rig.custody.listTokens(stranger), refused("denied"))
        await assert.rejects(rig.custody.login(stranger, { token: "root", evenFinalTry: false, ttlSeconds: 0, uses: 0 }), refused("denied"))
        await assert.rejects(rig.custody.logout(stranger, { token: "root" }), refused("denied"))
        await assert.rejects(rig.custody.tokenObjects(stranger, { token: "root" }), refused("denied"))
        await assert.rejects(rig.createKeyAs(stranger), refused("denied"))
        const enroll = { token: "root", uri: "pkcs11:token=x;id=%01", purpose: "root", label: "", bindings: [] } as const
        await assert.rejects(rig.custody.enrollKey(stranger, enroll), refused("denied"))
        const status = await rig.custody.status(stranger)
        assert.deepEqual([status.keys, status.repositories, status.outbox, status.auditRecords, status.signers], [0, 0, 0, 0, []])
        const full = await rig.custody.status(ADMIN)
        assert.deepEqual([full.keys, full.unlockedKeys, full.repositories, full.outbox], [3, 3, 1, 3])
        assert.ok(full.auditRecords > 0)
        assert.match(full.problems.join("\n"), /3 signed files are not seen published/)
    })

    test("TK-AUD-2 every operation of a repository's life left a record in a chain that holds", async () => {
        await using rig = await CustodyRig.withGroup()
        const repository = await Repository.begin(rig)
        const files = repository.publish(await rig.custody.outbox(ADMIN, { gun: GUN }), 1)
        await rig.custody.observe(ADMIN, { gun: GUN, files })
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await rig.custody.reset(ADMIN, { gun: GUN, confirm: GUN })
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        assert.deepEqual(
            records.map(({ action }) => action),
            ["create-group", "unlock", "create-key", "certificate", "create-key", "create-key", "sign", "observe", "lock", "reset"],
        )
        const { intact, records: count } = await rig.custody.verifyAudit(ADMIN)
        assert.deepEqual([intact, count], [true, records.length])
        const newest = await rig.custody.listAudit(ADMIN, { after: 0, limit: 2, newest: true })
        assert.deepEqual(
            newest.map(({ action }) => action),
            ["lock", "reset"],
        )
        const root = files.find(({ role }) => role === "root")
        assert.ok(root)
        assert.equal(parseFile(root.content, ROOT).signed.document.version, 1)
    })
})
