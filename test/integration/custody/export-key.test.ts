import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { decryptBackup, identitiesIn, makeAgeIdentity, readKeyFile, sha256 } from "../../../src/crypto/index.ts"
import type { ExportKeyRequest, KeyView } from "../../../src/custody/index.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { canonicalKeyIdOf, parseGun, ROOT, tufKey } from "../../../src/tuf/index.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { ADMIN, CustodyRig, caller, GROUP, GUN, PASSPHRASE, refused } from "./rig.ts"

const OTHER = parseGun("registry.example.com/team/other")

describe("a sealed key in a file for others", () => {
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

    const [dana, erin] = [makeAgeIdentity(), makeAgeIdentity()]
    const recipients = [dana.recipient, erin.recipient]
    const subjectOf = (id: string): string => `${id}:${sha256(Buffer.from(recipients.join("\n"))).toString("hex")}`

    async function request({ record: { id } }: KeyView, passphrase = PASSPHRASE): Promise<ExportKeyRequest> {
        const identity = dana.identity.reveal((bytes) => bytes.toString("latin1"))
        const sealed = {
            passphrase: await rig.seal("export", subjectOf(id), passphrase),
            identity: await rig.seal("identity", subjectOf(id), identity),
        }
        return { keyId: id, recipients, ...sealed }
    }

    test("opens to the key, while its group is locked, and is on record with its hash and for whom it is", async () => {
        const key = await rig.createKey("root", [])
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        const file = await rig.custody.exportKey(ADMIN, await request(key))
        await rig.openGroup()
        using content = await decryptBackup(file, identitiesIn(erin.identity))
        const [entry] = content.reveal(readKeyFile)
        assert.equal(canonicalKeyIdOf(tufKey(entry?.open(undefined).publicKey ?? assert.fail())), key.record.id)
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 1000, newest: false })
        const record = records.find(({ action }) => action === "export-key")
        assert.deepEqual([record?.outcome, record?.keyId], ["ok", key.record.id])
        assert.deepEqual({ ...record?.detail }, { recipients: recipients.join(" "), restored: true, sha256: sha256(file).toString("hex") })
    })

    test("TK-POL-3 is had by who may export in every place of the key; nobody else gets as far as a challenge for its passphrase", async () => {
        const key = await rig.createKey("root", [
            { gun: GUN, role: ROOT },
            { gun: OTHER, role: ROOT },
        ])
        const keeper: Principal = { ...caller("keeper"), socket: "admin" }
        for (const grant of [
            { who: keeper, do: ["export-key"] as const, gun: GUN },
            { who: keeper, do: ["copy-key", "unlock", "sign", "passphrase", "remove-key"] as const, gun: "**" },
        ]) {
            rig.allow([grant])
            for (const purpose of ["export", "identity"])
                await assert.rejects(rig.custody.challenge(keeper, { purpose, subject: subjectOf(key.record.id) }), refused("denied"))
            await assert.rejects(rig.custody.exportKey(keeper, await request(key)), refused("denied"))
        }
        rig.allow([{ who: keeper, do: ["export-key"], gun: "registry.example.com/team/*" }])
        const asked = { purpose: "export", subject: subjectOf(key.record.id.slice(0, 12)) }
        assert.equal((await rig.custody.challenge(keeper, asked)).subject, subjectOf(key.record.id))
        await rig.custody.exportKey(keeper, await request(key))
        rig.allow([])
    })

    test("is not asked for with a subject that names no key and no recipients, and not of a key that isn't there", async () => {
        const { id } = (await rig.createKey("targets")).record
        const digest = "0".repeat(64)
        for (const subject of [
            id,
            `${id}:`,
            `${id}:${digest.slice(1)}`,
            `${id}:spare`,
            `${digest}:${digest}`,
            "new",
            "token:spare",
            `group:${GROUP}`,
        ])
            await assert.rejects(rig.custody.challenge(ADMIN, { purpose: "export", subject }), refused("denied"))
    })

    test("is not had for other recipients than the passphrase was given for, and not twice for one passphrase", async () => {
        const key = await rig.createKey("targets")
        const right = await request(key)
        await assert.rejects(
            rig.custody.exportKey(ADMIN, { ...right, recipients: [erin.recipient, dana.recipient] }),
            refused("challenge_expired"),
        )
        const once = await request(key)
        await rig.custody.exportKey(ADMIN, once)
        await assert.rejects(rig.custody.exportKey(ADMIN, once), refused("challenge_expired"))
        await assert.rejects(rig.custody.exportKey(ADMIN, await request(key, "another passphrase")), refused("open_failed"))
    })

    test("TK-KEY-2 is not had of a key that is on a token", async () => {
        const sealed = await rig.seal("login", "token:spare", hsm.userPin)
        await rig.custody.login(ADMIN, { token: "spare", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
        const home = { kind: "token" as const, token: "spare" }
        const key = await rig.custody.createKey(ADMIN, { algorithm: "p256", purpose: "root", label: "", home, bindings: [] })
        await assert.rejects(rig.custody.exportKey(ADMIN, await request(key)), refused("key_unfit"))
    })
})
