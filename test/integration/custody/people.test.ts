import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import path from "node:path"
import { describe, test } from "node:test"
import { parseConfig } from "../../../src/config/index.ts"
import type { Binding, Purpose } from "../../../src/journal/index.ts"
import type { Policy, Principal } from "../../../src/policy/index.ts"
import { parseGun, parseRoleName, TARGETS, tufKey } from "../../../src/tuf/index.ts"
import { ADMIN, CustodyRig, caller, GROUP, Repository, refused, targetsBody } from "./rig.ts"

const PAGE = path.resolve(import.meta.dirname, "../../../docs/policy.md")
const APP = parseGun("registry.example.com/team-a/app")
const ELSEWHERE = parseGun("registry.example.com/team-b/app")
const [RELEASES, ALICES, CIS] = [parseRoleName("targets/releases"), parseRoleName("targets/alice"), parseRoleName("targets/ci")]

const [alice, olga, ci] = [caller("alice"), caller("olga"), caller("ci")]
const onAdminSocket = (who: Principal): Principal => ({ ...who, socket: "admin" })

/** The rules of the page, and one for the administrator of the tests. */
async function rulesOfThePage(): Promise<Policy> {
    const [, toml] = /with these -->\n```toml\n(.*?)```/s.exec(await readFile(PAGE, "utf8")) ?? []
    assert.ok(toml)
    const uids = new Map([alice, olga, ci].map((who, index) => [["alice", "olga", "ci"][index], who.uid]))
    const names = { user: (name: string) => uids.get(name), group: () => undefined, userName: () => undefined }
    return parseConfig(`${toml}\n[[allow]]\nwho = ["uid:${ADMIN.uid}"]\ndo = ["*"]\n`, names).policy
}

async function open(): Promise<CustodyRig> {
    const rig = await CustodyRig.withGroup()
    rig.policy = await rulesOfThePage()
    return rig
}

const places = (...roles: readonly (typeof RELEASES)[]): readonly Binding[] => roles.map((role) => ({ gun: APP, role }))

async function newKey(rig: CustodyRig, who: Principal, label: string, bindings: readonly Binding[] = [], purpose: Purpose = "delegation") {
    const home = { kind: "group" as const, group: GROUP }
    return await rig.custody.createKey(who, { algorithm: "p256", purpose, label, home, bindings })
}

describe("the rules that docs/policy.md begins with", () => {
    test("let a signer make her key before a repository knows it, and sign with it in her roles only", async () => {
        await using rig = await open()
        const repository = await Repository.begin(rig, { gun: APP })
        const key = await newKey(rig, alice, "alice")
        const { id } = key.record
        await rig.custody.bindKey(alice, { id, add: places(ALICES, RELEASES), remove: [] })
        const keys = [tufKey(key.record.publicKey)]
        const delegations = [RELEASES, ALICES].map((name) => ({ name, keys }))
        const added = repository.body("targets", targetsBody({ version: 2, delegations }))
        await rig.custody.signSet(olga, repository.set([added], 2))
        for (const role of [ALICES, RELEASES]) {
            await rig.custody.sign(alice, { keyId: id, gun: APP, role, signed: targetsBody({ version: 1, targets: { v1: "one" } }) })
        }
        const signed = targetsBody({ version: 3 })
        await assert.rejects(
            rig.custody.sign(alice, { keyId: repository.targets.record.id, gun: APP, role: TARGETS, signed }),
            refused("denied"),
        )
        const astray = { id, add: [{ gun: ELSEWHERE, role: ALICES }], remove: [] }
        await assert.rejects(rig.custody.bindKey(alice, astray), refused("denied"))
        await assert.rejects(rig.custody.bindKey(alice, { id, add: places(CIS), remove: [] }), refused("denied"))
        await assert.rejects(newKey(rig, alice, "app", places(TARGETS), "targets"), refused("denied"))
    })

    test("let an owner begin a repository, add CI's key and take a signer away, all on the sign socket", async () => {
        await using rig = await open()
        const root = await newKey(rig, olga, "root", places(parseRoleName("root")), "root")
        await rig.custody.rootCertificate(olga, { keyId: root.record.id, gun: APP })
        const cis = await newKey(rig, olga, "ci", places(CIS, RELEASES))
        const key = await newKey(rig, alice, "alice", places(ALICES))
        const away = await rig.custody.bindKey(olga, { id: key.record.id, add: [], remove: places(ALICES) })
        assert.deepEqual(away.record.bindings, [])
        // It is its maker's again, and nobody else's.
        await assert.rejects(rig.custody.bindKey(olga, { id: key.record.id, add: places(ALICES), remove: [] }), refused("denied"))
        await rig.custody.bindKey(alice, { id: key.record.id, add: places(ALICES), remove: [] })
        await assert.rejects(rig.custody.removeKey(onAdminSocket(olga), { id: cis.record.id, confirm: "" }), refused("denied"))
    })

    test("let CI sign with the key it was given, and make, bind, unlock and import nothing", async () => {
        await using rig = await open()
        const repository = await Repository.begin(rig, { gun: APP })
        const key = await newKey(rig, olga, "ci", places(CIS, RELEASES))
        const keys = [tufKey(key.record.publicKey)]
        const added = repository.body("targets", targetsBody({ version: 2, delegations: [{ name: CIS, keys }] }))
        await rig.custody.signSet(olga, repository.set([added], 2))
        const { id } = key.record
        await rig.custody.sign(ci, { keyId: id, gun: APP, role: CIS, signed: targetsBody({ version: 1 }) })
        await assert.rejects(rig.custody.bindKey(ci, { id, add: places(ALICES), remove: [] }), refused("denied"))
        await assert.rejects(rig.custody.bindKey(ci, { id, add: [], remove: places(CIS) }), refused("denied"))
        await assert.rejects(newKey(rig, ci, "ci", places(CIS)), refused("denied"))
        await assert.rejects(newKey(rig, ci, "ci"), refused("denied"))
        for (const [purpose, subject] of [
            ["unlock", id],
            ["create", "new"],
            ["import", "new"],
        ] as const) {
            await assert.rejects(rig.custody.challenge(ci, { purpose, subject }), refused("denied"), purpose)
        }
    })
})
