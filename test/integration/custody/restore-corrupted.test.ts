import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { type Member, TAR_BLOCK, tarClaims, tarPadding } from "../../../src/backup/index.ts"
import { TrustkeyError } from "../../../src/errors.ts"
import { mutate } from "../../support/backup-mutations.ts"
import { archiveOf, membersOf, sampleRecords } from "../../support/backup-sample.ts"
import { given, restore, stateOf } from "./backup-rig.ts"
import { ADMIN, CustodyRig } from "./rig.ts"

const CASES = Number(process.env["TRUSTKEYD_BACKUP_CASES"] ?? 60)
const SEED = Number(process.env["TRUSTKEYD_BACKUP_SEED"] ?? 1)

const ARCHIVE = archiveOf(await sampleRecords())

/** What a client that checks nothing makes of an archive. */
function membersAnyhow(archive: Buffer): readonly Member[] {
    const members: Member[] = []
    for (let at = 0; at + TAR_BLOCK <= archive.length; ) {
        const { name, size } = tarClaims(archive.subarray(at, at + TAR_BLOCK)) ?? {}
        if (name === undefined || size === undefined) break
        const start = at + TAR_BLOCK
        members.push({ name, content: archive.subarray(start, start + size) })
        at = start + size + tarPadding(size)
    }
    return members
}

describe("a restore of a backup that somebody has changed", () => {
    let rig: CustodyRig
    before(async () => {
        rig = await CustodyRig.open()
    })
    after(() => rig?.[Symbol.asyncDispose]())

    test("takes in a backup with key files, which stay with the client", async () => {
        const { outcome } = await restore(rig, membersOf(ARCHIVE))
        assert.ok(outcome.done)
        assert.equal(Array.from(rig.rig.keys.list()).filter(({ removedAt }) => removedAt === undefined).length, 4)
        assert.equal(rig.rig.journal.repositories().length, 2)
        const again = await restore(rig, membersOf(ARCHIVE))
        assert.deepEqual(again.said, [])
    })

    test(`changes nothing of what is here, in ${CASES} cases of a client that sends it all the same`, async () => {
        const here = stateOf(rig)
        const outcomes = { refused: 0, nothing: 0, shown: 0 }
        for (let seed = SEED; seed < SEED + CASES; seed++) {
            const { name, archive } = mutate(ARCHIVE, seed)
            const place = `TRUSTKEYD_BACKUP_SEED=${seed}: ${name}`
            try {
                const outcome = await rig.custody.restoreBackup(ADMIN, {
                    fingerprint: claimedFingerprint(archive),
                    confirm: undefined,
                    records: given(membersAnyhow(archive).filter((member) => !member.name.startsWith("notary/"))),
                    say: async () => {},
                })
                if (outcome.added + outcome.raised === 0) outcomes.nothing++
                else outcomes.shown++
            } catch (error) {
                assert.ok(error instanceof TrustkeyError, `${place}: ${error instanceof Error ? error.stack : String(error)}`)
                assert.ok(["backup_invalid", "state_newer"].includes(error.code), `${place}: ${error.code} ${error.message}`)
                outcomes.refused++
            }
            assert.deepEqual(stateOf(rig), here, place)
        }
        assert.ok(outcomes.refused > CASES / 3, JSON.stringify(outcomes))
        assert.ok(outcomes.nothing > 0, JSON.stringify(outcomes))
        await rig.restart()
        assert.deepEqual(stateOf(rig), here)
    })

    test("lowers no mark and touches no key when it is confirmed, whatever else it brings", async () => {
        for (let seed = SEED; seed < SEED + CASES; seed++) {
            const { name, archive } = mutate(ARCHIVE, seed)
            const place = `TRUSTKEYD_BACKUP_SEED=${seed}: ${name}`
            const before = heldOf(rig)
            await confirmed(rig, archive).catch((error: unknown) => {
                if (!(error instanceof TrustkeyError)) throw error
            })
            const now = heldOf(rig)
            for (const [key, record] of before.keys) assert.deepEqual(now.keys.get(key), record, place)
            for (const [role, version] of before.marks) assert.ok((now.marks.get(role) ?? 0) >= version, `${place}: ${role}`)
        }
        const held = heldOf(rig)
        await rig.restart()
        assert.deepEqual(heldOf(rig), held)
    })
})

function claimedFingerprint(archive: Buffer): string {
    const end = membersAnyhow(archive).findLast(({ name }) => name === "end.json")
    return /"sha256":"([0-9a-f]{64})"/.exec(Buffer.from(end?.content ?? "").toString("latin1"))?.[1] ?? "0".repeat(64)
}

async function confirmed(rig: CustodyRig, archive: Buffer): Promise<void> {
    const fingerprint = claimedFingerprint(archive)
    const send = (confirm: { readonly typed: string; readonly digest: string } | undefined): ReturnType<typeof rig.custody.restoreBackup> =>
        rig.custody.restoreBackup(ADMIN, {
            fingerprint,
            confirm,
            records: given(membersAnyhow(archive).filter((member) => !member.name.startsWith("notary/"))),
            say: async () => {},
        })
    const { digest } = await send(undefined)
    await send({ typed: fingerprint.slice(0, 16), digest })
}

/** What may never become less. */
function heldOf(rig: CustodyRig): { readonly keys: ReadonlyMap<string, unknown>; readonly marks: ReadonlyMap<string, number> } {
    return {
        keys: new Map(Array.from(rig.rig.keys.list(), (record) => [record.id, record])),
        marks: new Map(
            rig.rig.journal
                .repositories()
                .flatMap(({ gun, lineage, marks }) =>
                    Array.from(marks, ([role, { version }]) => [`${gun} ${lineage} ${role}`, version] as const),
                ),
        ),
    }
}
