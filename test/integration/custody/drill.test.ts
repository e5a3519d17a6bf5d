import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { type DrilledKey, planDrill, receiptLines } from "../../../src/backup/index.ts"
import { canaryMessage, sha256, tufScheme, verify } from "../../../src/crypto/index.ts"
import type { KeyView } from "../../../src/custody/index.ts"
import { parseKeyId } from "../../../src/tuf/index.ts"
import { configured, given } from "./backup-rig.ts"
import { ADMIN, CustodyRig, caller, GROUP, refused } from "./rig.ts"

const CHALLENGE = sha256(Buffer.from("a drill's statement"))

describe("a drill", () => {
    let rig: CustodyRig
    let keys: readonly KeyView[]
    before(async () => {
        rig = await CustodyRig.withGroup()
        configured(rig)
        keys = [await rig.createKey("targets"), await rig.createKey("root"), await rig.createKey("delegation", [])]
    })
    after(() => rig?.[Symbol.asyncDispose]())

    const drilled = (some: readonly KeyView[]): readonly DrilledKey[] =>
        some.map(({ record: { id, publicKey } }) => ({ id, publicKey, place: "envelope" as const }))

    async function receiptOf(some: readonly KeyView[], at = new Date()): Promise<Buffer> {
        const made = new Date().toISOString()
        const facts = { backup: "ab".repeat(32), madeAt: made, at: at.toISOString(), program: "trustkey 1.0.0" }
        const plan = planDrill(facts, drilled(some))
        const proofs = await rig.custody.proveKeys(ADMIN, { challenge: plan.challenge, keyIds: some.map(({ record }) => record.id) })
        const signatures = new Map(
            proofs.map((proof) => [proof.keyId, "signature" in proof ? proof.signature : assert.fail(proof.problem.message)]),
        )
        return Buffer.concat([...receiptLines(plan, signatures)])
    }

    test("TK-SIG-1 has each key sign the canary of its challenge, and each such signature is promised and on record", async () => {
        const ids = keys.map(({ record }) => record.id)
        const proofs = await rig.custody.proveKeys(ADMIN, { challenge: CHALLENGE, keyIds: [...ids, parseKeyId("0".repeat(64))] })
        for (const [index, { record }] of keys.entries()) {
            const proof = proofs[index]
            assert.ok(proof !== undefined && "signature" in proof)
            assert.ok(verify(record.publicKey, tufScheme(record.algorithm), canaryMessage(CHALLENGE), proof.signature))
        }
        const missing = proofs.at(-1)
        assert.equal(missing !== undefined && "problem" in missing && missing.problem.code, "not_found")
        const entries = await rig.custody.showJournal(ADMIN, { after: 0, limit: 1000 })
        assert.equal(entries.filter(({ kind, state }) => kind === "canary" && state === "signed").length, keys.length)
        const records = await rig.custody.listAudit(ADMIN, { after: 0, limit: 4, newest: true })
        assert.deepEqual(records.map(({ action, outcome }) => [action, outcome]).sort(), [
            ["restore", "not_found"],
            ["restore", "ok"],
            ["restore", "ok"],
            ["restore", "ok"],
        ])
    })

    test("says of a locked key that it is, and of the others that they sign; and proves nothing to who may not restore", async () => {
        await rig.custody.lock(ADMIN, { subject: { group: GROUP } })
        const [proof] = await rig.custody.proveKeys(ADMIN, { challenge: CHALLENGE, keyIds: keys.map(({ record }) => record.id) })
        assert.equal(proof !== undefined && "problem" in proof && proof.problem.code, "key_locked")
        await rig.openGroup()
        await assert.rejects(rig.custody.proveKeys(caller("ci"), { challenge: CHALLENGE, keyIds: [] }), refused("denied"))
        await assert.rejects(rig.custody.recordDrill(caller("ci"), { receipt: given([]) }), refused("denied"))
    })

    test("is kept as the last good one when every sealed key has signed its receipt", async () => {
        assert.equal((await rig.custody.status(ADMIN)).backup?.drillOverdue, true)
        const receipt = await receiptOf(keys)
        const facts = await rig.custody.recordDrill(ADMIN, { receipt: given([receipt.subarray(0, 100), receipt.subarray(100)]) })
        assert.deepEqual([facts.keys, facts.without, facts.receipt], [keys.length, 0, sha256(receipt).toString("hex")])
        assert.deepEqual((await rig.custody.status(ADMIN)).backup?.lastDrill, facts)
        assert.equal((await rig.custody.status(ADMIN)).backup?.drillOverdue, false)
        await rig.restart()
        assert.deepEqual((await rig.custody.status(ADMIN)).backup?.lastDrill, facts)
    })

    test("does not count when a key is missing, a signature is another's, or it is yet to come", async () => {
        const last = (await rig.custody.status(ADMIN)).backup?.lastDrill
        const [first, second, third] = keys
        assert.ok(first !== undefined && second !== undefined && third !== undefined)
        const bad: readonly (readonly [string, Buffer])[] = [
            ["verification_failed", await receiptOf([first, second])],
            ["verification_failed", changed(await receiptOf(keys))],
            ["clock_implausible", await receiptOf(keys, new Date(Date.now() + 86_400_000))],
            ["backup_invalid", (await receiptOf(keys)).subarray(0, -1)],
            ["backup_invalid", Buffer.from("")],
        ]
        for (const [code, receipt] of bad)
            await assert.rejects(rig.custody.recordDrill(ADMIN, { receipt: given([receipt]) }), refused(code))
        assert.deepEqual((await rig.custody.status(ADMIN)).backup?.lastDrill, last)
    })

    test("that is handed in after a later one makes the last one no older", async () => {
        const earlier = await receiptOf(keys, new Date(Date.now() - 60 * 86_400_000))
        const last = (await rig.custody.status(ADMIN)).backup?.lastDrill
        await rig.custody.recordDrill(ADMIN, { receipt: given([earlier]) })
        assert.deepEqual((await rig.custody.status(ADMIN)).backup?.lastDrill, last)
        await rig.restart()
        assert.deepEqual((await rig.custody.status(ADMIN)).backup?.lastDrill, last)
    })

    test("without a signature counts where there is no sealed key, and only there", async () => {
        await using bare = await CustodyRig.withGroup()
        configured(bare)
        const receipt = await receiptOf([])
        const facts = await bare.custody.recordDrill(ADMIN, { receipt: given([receipt]) })
        assert.deepEqual((await bare.custody.status(ADMIN)).backup?.lastDrill, facts)
        await bare.createKey("delegation", [])
        const early = await receiptOf([], new Date(Date.now() + 1000))
        await assert.rejects(bare.custody.recordDrill(ADMIN, { receipt: given([early]) }), refused("verification_failed"))
    })

    /** The last signature, by another challenge. */
    function changed(receipt: Buffer): Buffer {
        const text = receipt.toString("utf8")
        const at = text.lastIndexOf('"signature":"') + '"signature":"'.length
        const other = text[at] === "A" ? "B" : "A"
        return Buffer.from(`${text.slice(0, at)}${other}${text.slice(at + 1)}`, "utf8")
    }
})
