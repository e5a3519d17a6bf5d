import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import type { CopyKeyRequest, KeyView } from "../../../src/custody/index.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { parseGun, ROOT } from "../../../src/tuf/index.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { ADMIN, CustodyRig, caller, GROUP, GUN, PASSPHRASE, refused } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")

describe("a copy of a sealed key on a token", () => {
    let hsm: SoftHsm
    let rig: CustodyRig
    before(async () => {
        hsm = await startSoftHsm({ label: "spare" })
        rig = await CustodyRig.withSpare(hsm)
        const sealed = await rig.seal("login", "token:spare", hsm.userPin)
        await rig.custody.login(ADMIN, { token: "spare", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await hsm?.stop()
    })

    async function request(key: KeyView): Promise<CopyKeyRequest> {
        const passphrase = await rig.seal("copy", `${key.record.id}:spare`, PASSPHRASE)
        return { keyId: key.record.id, token: "spare", serial: hsm.serial, from: { kind: "sealed", passphrase } }
    }

    test("signs metadata for the key's places while its group is locked, and is on record with where it went", async () => {
        const key = await rig.createKey("root", [])
        const copied = await rig.custody.copyKey(ADMIN, await request(key))
        assert.deepEqual([...(copied.presentCopies ?? [])], ["spare"])
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        await rig.custody.rootCertificate(ADMIN, { keyId: key.record.id, gun: GUN })
        await rig.openGroup()
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        const record = records.find(({ action }) => action === "copy-key")
        assert.deepEqual([record?.outcome, record?.keyId], ["ok", key.record.id])
        assert.deepEqual({ ...record?.detail }, { token: "spare", serial: hsm.serial, from: "sealed" })
    })

    test("TK-POL-3 is made by who may copy in every place of the key; nobody else gets as far as a challenge for its passphrase", async () => {
        const key = await rig.createKey("root", [
            { gun: GUN, role: ROOT },
            { gun: OTHER, role: ROOT },
        ])
        const keeper: Principal = { ...caller("keeper"), socket: "admin" }
        const ask = { purpose: "copy", subject: `${key.record.id}:spare` }
        rig.allow([{ who: keeper, do: ["copy-key"], gun: GUN }])
        await assert.rejects(rig.custody.challenge(keeper, ask), refused("denied"))
        await assert.rejects(rig.custody.copyKey(keeper, await request(key)), refused("denied"))
        await assert.rejects(rig.custody.forgetSealed(keeper, { id: key.record.id, confirm: key.record.id.slice(0, 8) }), refused("denied"))
        rig.allow([{ who: keeper, do: ["copy-key"], gun: "registry.example.com/team/*" }])
        assert.equal((await rig.custody.challenge(keeper, { ...ask, subject: `${key.record.id.slice(0, 12)}:spare` })).subject, ask.subject)
        await rig.custody.copyKey(keeper, await request(key))
        rig.allow([])
    })

    test("is not asked for with a subject that names no key and no token, and not of a key that isn't there", async () => {
        const key = await rig.createKey("targets")
        for (const subject of [
            key.record.id,
            "spare",
            `${key.record.id}:`,
            `${"0".repeat(64)}:spare`,
            "new",
            "token:spare",
            `group:${GROUP}`,
        ]) {
            await assert.rejects(rig.custody.challenge(ADMIN, { purpose: "copy", subject }), refused("denied"))
        }
    })

    test("comes before what is sealed is destroyed, which a person has to confirm", async () => {
        const key = await rig.createKey("targets")
        const { id } = key.record
        await assert.rejects(rig.custody.forgetSealed(ADMIN, { id, confirm: id.slice(0, 8) }), refused("key_unfit"))
        await rig.custody.copyKey(ADMIN, await request(key))
        await assert.rejects(rig.custody.forgetSealed(ADMIN, { id, confirm: "" }), {
            ...refused("confirmation_required"),
            message: new RegExp(id.slice(0, 8)),
        })
        const { record } = await rig.custody.forgetSealed(ADMIN, { id, confirm: id.slice(0, 8) })
        assert.deepEqual([record.home.kind, record.origin], ["token", "generated"])
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        assert.equal((await rig.custody.getKey(ADMIN, { id })).state.ready, true)
        await rig.openGroup()
    })

    test("of an imported key stays imported", async () => {
        const { Secret, sealSecret, generatePrivateKey } = await import("../../../src/crypto/index.ts")
        const { pkcs8 } = generatePrivateKey("p384")
        const challenge = await rig.custody.challenge(ADMIN, { purpose: "import", subject: "new" })
        const sealed = sealSecret(
            challenge.signerPublic,
            challenge.nonce,
            { purpose: "import", subject: "new" },
            new Secret(pkcs8.reveal((der) => Buffer.from(der))),
        )
        const home = { kind: "group" as const, group: GROUP }
        const key = await rig.custody.importKey(ADMIN, { pkcs8: sealed, purpose: "root", label: "", home, bindings: [] })
        const { record } = await rig.custody.copyKey(ADMIN, await request(key))
        assert.deepEqual([record.origin, record.copies?.[0]?.brought], ["imported", true])
    })
})
