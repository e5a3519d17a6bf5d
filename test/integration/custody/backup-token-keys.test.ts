import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import type { KeyView } from "../../../src/custody/index.ts"
import { certificateKey, ROOT } from "../../../src/tuf/index.ts"
import { type SoftHsm, startSoftHsm } from "../../support/softhsm.ts"
import { configured, membersIn, takeBackup } from "./backup-rig.ts"
import { ADMIN, CustodyRig, PASSPHRASE, Repository } from "./rig.ts"

describe("a backup of keys that lie on a token alone", () => {
    let hsm: SoftHsm
    let rig: CustodyRig
    before(async () => {
        hsm = await startSoftHsm({ label: "spare" })
        rig = await CustodyRig.withSpare(hsm)
        configured(rig)
        const sealed = await rig.seal("login", "token:spare", hsm.userPin)
        await rig.custody.login(ADMIN, { token: "spare", sealed, evenFinalTry: false, ttlSeconds: 0, uses: 0 })
    })
    after(async () => {
        await rig?.[Symbol.asyncDispose]()
        await hsm?.stop()
    })

    /** On the token, and nowhere else any more. */
    async function moveAway({ record: { id } }: KeyView): Promise<void> {
        const passphrase = await rig.seal("copy", `${id}:spare`, PASSPHRASE)
        await rig.custody.copyKey(ADMIN, { keyId: id, token: "spare", serial: hsm.serial, from: { kind: "sealed", passphrase } })
        await rig.custody.forgetSealed(ADMIN, { id, confirm: id.slice(0, 8) })
    }

    /** What the backup says of it. */
    async function kept({
        record: { id },
    }: KeyView): Promise<{ readonly envelope?: string; readonly leaves?: boolean; readonly instead?: object[] }> {
        const members = await membersIn((await takeBackup(rig)).file)
        const member = members.find(({ name }) => name === `keys/${id}.json`) ?? assert.fail("the key is not in the backup")
        const { envelope, leaves, instead } = JSON.parse(Buffer.from(member.content).toString("utf8"))
        return { envelope, leaves, instead }
    }

    test("says of each that it can't leave, and what brings its repository back: the root's other holders, or who puts another key there", async () => {
        const repository = await Repository.prepare(rig)
        const { gun, root, targets } = repository
        const other = await rig.createKey("root", [{ gun, role: ROOT }])
        const { pem } = await rig.custody.rootCertificate(ADMIN, { keyId: other.record.id, gun })
        repository.keys.root = [repository.rootKey, certificateKey(pem)]
        await rig.custody.signSet(ADMIN, repository.firstSet())
        for (const key of [root, targets]) await moveAway(key)
        const holders = { how: "holders", gun, keys: [other.record.id], threshold: 1 }
        assert.deepEqual(await kept(root), { envelope: undefined, leaves: false, instead: [holders] })
        const replaced = { how: "replace", gun, role: "targets", by: "root" }
        assert.deepEqual(await kept(targets), { envelope: undefined, leaves: false, instead: [replaced] })
        assert.equal((await takeBackup(rig)).facts.without, 2)
        // What leaves says nothing of it.
        const { leaves, instead } = await kept(other)
        assert.deepEqual([leaves, instead], [undefined, undefined])
    })
})
