import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { type KeyFileFormat, readKeyFile, Secret, sealedSecretHash, sha256 } from "../../../src/crypto/index.ts"
import type { ExportKeyFileRequest, KeyView } from "../../../src/custody/index.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { canonicalKeyIdOf, parseGun, TARGETS, tufKey } from "../../../src/tuf/index.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { ADMIN, CustodyRig, caller, GROUP, GUN, PASSPHRASE, refused } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")
const FILE_PASSPHRASE = "for the file alone"

describe("a sealed key in a file for other programs", () => {
    let hsm: SoftHsm
    let rig: CustodyRig
    before(async () => {
        hsm = await startSoftHsm({ label: "spare" })
        rig = await CustodyRig.withSpare(hsm)
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await hsm?.stop()
    })

    type Given = { readonly format?: KeyFileFormat; readonly passphrase?: string; readonly file?: string }

    async function request({ record: { id } }: KeyView, given: Given = {}): Promise<ExportKeyFileRequest> {
        const { format = "notary", passphrase = PASSPHRASE, file = FILE_PASSPHRASE } = given
        const filePassphrase = await rig.seal("file-passphrase", `${id}:${format}`, file)
        const subject = `${id}:${format}:${sealedSecretHash(filePassphrase)}`
        return {
            keyId: id,
            format,
            confirm: id.slice(0, 8),
            filePassphrase,
            passphrase: await rig.seal("export-file", subject, passphrase),
        }
    }

    const secret = (text: string): Secret => new Secret(Buffer.from(text))

    test("opens with its own passphrase to the key, while its group is locked, and is on record with its form and its hash", async () => {
        const key = await rig.createKey("targets", [{ gun: GUN, role: TARGETS }])
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        const file = await rig.custody.exportKeyFile(ADMIN, await request(key))
        assert.equal((await rig.custody.listGroups(ADMIN)).find(({ name }) => name === GROUP)?.unlocked, false)
        await rig.openGroup()
        const [entry, ...more] = readKeyFile(file)
        assert.deepEqual([entry?.role, entry?.gun, entry?.path, more], ["targets", GUN, key.record.id, []])
        assert.equal(canonicalKeyIdOf(tufKey(entry?.open(secret(FILE_PASSPHRASE)).publicKey ?? assert.fail())), key.record.id)
        assert.throws(() => entry?.open(secret(PASSPHRASE)), { code: "open_failed" })
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        const record = records.find(({ action }) => action === "export-key")
        assert.deepEqual([record?.outcome, record?.keyId], ["ok", key.record.id])
        assert.deepEqual({ ...record?.detail }, { format: "notary", sha256: sha256(file).toString("hex") })
    })

    test("TK-POL-3 is had by who may export in every place of the key; nobody else gets as far as a challenge for its passphrase", async () => {
        const key = await rig.createKey("targets", [
            { gun: GUN, role: TARGETS },
            { gun: OTHER, role: TARGETS },
        ])
        const keeper: Principal = { ...caller("keeper"), socket: "admin" }
        const { id } = key.record
        const asked = [
            { purpose: "file-passphrase", subject: `${id}:pkcs8` },
            { purpose: "export-file", subject: `${id}:pkcs8:${"0".repeat(64)}` },
        ]
        for (const grant of [
            { who: keeper, do: ["export-key"] as const, gun: GUN },
            { who: keeper, do: ["copy-key", "unlock", "sign", "passphrase", "remove-key"] as const, gun: "**" },
        ]) {
            rig.allow([grant])
            for (const challenge of asked) await assert.rejects(rig.custody.challenge(keeper, challenge), refused("denied"))
            await assert.rejects(rig.custody.exportKeyFile(keeper, await request(key, { format: "pkcs8" })), refused("denied"))
        }
        rig.allow([{ who: keeper, do: ["export-key"], gun: "registry.example.com/team/*" }])
        const short = { purpose: "file-passphrase", subject: `${id.slice(0, 12)}:pkcs8` }
        assert.equal((await rig.custody.challenge(keeper, short)).subject, `${id}:pkcs8`)
        await rig.custody.exportKeyFile(keeper, await request(key, { format: "pkcs8" }))
        rig.allow([])
    })

    test("is not asked for with a subject that names no key, no form or no file", async () => {
        const { id } = (await rig.createKey("targets")).record
        const digest = "0".repeat(64)
        const wrong: readonly (readonly [purpose: string, subjects: readonly string[]])[] = [
            [
                "file-passphrase",
                [id, `${id}:`, `${id}:pem`, `${id}:notary:${digest}`, `${digest}:notary`, "new", `group:${GROUP}`, "token:spare"],
            ],
            [
                "export-file",
                [id, `${id}:notary`, `${id}:pem:${digest}`, `${id}:notary:${digest.slice(1)}`, `${digest}:notary:${digest}`, "new"],
            ],
        ]
        for (const [purpose, subjects] of wrong)
            for (const subject of subjects)
                await assert.rejects(rig.custody.challenge(ADMIN, { purpose, subject }), refused("denied"), subject)
    })

    test("TK-SEC-2 is not had in another form, under another passphrase, twice, or by a wrong passphrase, and not without typing whose key it is", async () => {
        const key = await rig.createKey("root", [])
        const right = await request(key)
        await assert.rejects(rig.custody.exportKeyFile(ADMIN, { ...right, format: "pkcs8" }), refused("challenge_expired"))
        const mine = await rig.seal("file-passphrase", `${key.record.id}:notary`, "the attacker's own")
        const swapped = { ...(await request(key)), filePassphrase: mine }
        await assert.rejects(rig.custody.exportKeyFile(ADMIN, swapped), refused("challenge_expired"))
        const once = await request(key)
        await rig.custody.exportKeyFile(ADMIN, once)
        await assert.rejects(rig.custody.exportKeyFile(ADMIN, once), refused("challenge_expired"))
        for (const confirm of ["", "00000000", key.record.id])
            await assert.rejects(rig.custody.exportKeyFile(ADMIN, { ...(await request(key)), confirm }), refused("confirmation_required"))
        for (const file of ["7 bytes", PASSPHRASE])
            await assert.rejects(rig.custody.exportKeyFile(ADMIN, await request(key, { file })), refused("invalid_request"))
        await assert.rejects(
            rig.custody.exportKeyFile(ADMIN, await request(key, { passphrase: "another passphrase" })),
            refused("open_failed"),
        )
    })

    test("Notary's names one repository of a targets key, and has no ceremony's key at all", async () => {
        const key = await rig.createKey("targets", [
            { gun: GUN, role: TARGETS },
            { gun: OTHER, role: TARGETS },
        ])
        await assert.rejects(rig.custody.exportKeyFile(ADMIN, await request(key)), refused("invalid_request"))
        const file = await rig.custody.exportKeyFile(ADMIN, { ...(await request(key)), gun: OTHER })
        assert.equal(readKeyFile(file)[0]?.gun, OTHER)
        const ceremony = await rig.createKey("ceremony", [])
        await assert.rejects(rig.custody.exportKeyFile(ADMIN, await request(ceremony)), refused("key_unfit"))
        await rig.custody.exportKeyFile(ADMIN, await request(ceremony, { format: "pkcs8" }))
    })

    test("TK-KEY-2 is not had of a key that is on a token; what was copied there and stays sealed here still leaves", async () => {
        const sealed = await rig.seal("login", "token:spare", hsm.userPin)
        await rig.custody.login(ADMIN, { token: "spare", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
        const key = await rig.createKey("root", [])
        const { id } = key.record
        const passphrase = await rig.seal("copy", `${id}:spare`, PASSPHRASE)
        await rig.custody.copyKey(ADMIN, { keyId: id, token: "spare", serial: hsm.serial, from: { kind: "sealed", passphrase } })
        await rig.custody.exportKeyFile(ADMIN, await request(key))
        const asked = await request(key)
        await rig.custody.forgetSealed(ADMIN, { id, confirm: id.slice(0, 8) })
        for (const refusal of [
            () => rig.custody.exportKeyFile(ADMIN, asked),
            () => rig.custody.challenge(ADMIN, { purpose: "file-passphrase", subject: `${id}:notary` }),
        ])
            await assert.rejects(refusal, { code: "key_unfit", message: /on token spare, which gives it to nobody/ })
    })
})
