import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { backupFileName, type KeptBackup, outdatedBackups, parseBackupFileName } from "../../../src/backup/index.ts"

const NOW = new Date("2026-11-21T12:00:00Z")
const DAY = 86_400

/** One a day, the first of today. */
function daily(count: number): readonly KeptBackup[] {
    return Array.from({ length: count }, (_, days) => {
        const madeAt = new Date(NOW.getTime() - days * DAY * 1000)
        const found = parseBackupFileName(backupFileName(madeAt, String(days).padStart(64, "0")))
        assert.ok(found !== undefined)
        return { ...found, fingerprint: `${days}`.padStart(16, "a") }
    })
}

function ages(backups: readonly KeptBackup[]): readonly number[] {
    return backups.map(({ madeAt }) => (NOW.getTime() - madeAt.getTime()) / DAY / 1000)
}

describe("the names of backups", () => {
    test("say when one was made and which it is, and sort by age", () => {
        const name = backupFileName(new Date("2026-11-21T09:08:07.654Z"), "0123456789abcdef".repeat(4))
        assert.equal(name, "trustkeyd-20261121T090807Z-0123456789abcdef.age")
        assert.deepEqual(parseBackupFileName(name), { name, madeAt: new Date("2026-11-21T09:08:07Z"), fingerprint: "0123456789abcdef" })
    })

    test("others are none of ours", () => {
        for (const name of [
            "trustkeyd-20261121T090807Z-0123456789abcdef.age.bak",
            "trustkeyd-20261321T090807Z-0123456789abcdef.age",
            "trustkeyd-20261121T090807Z-0123456789ABCDEF.age",
            "trustkeyd-20261121T090807Z.age",
            "my-trustkeyd-20261121T090807Z-0123456789abcdef.age",
            "../trustkeyd-20261121T090807Z-0123456789abcdef.age",
            "backup.age",
            "",
        ])
            assert.equal(parseBackupFileName(name), undefined, name)
    })
})

describe("rotation", () => {
    test("keeps everything as long as no rule is given", () => {
        assert.deepEqual(outdatedBackups(daily(100), {}, NOW, undefined), [])
    })

    test("keeps the newest by count, in whatever order they are listed", () => {
        assert.deepEqual(ages(outdatedBackups(daily(5).toReversed(), { count: 3 }, NOW, undefined)), [3, 4])
    })

    test("keeps by age, and never takes the newest, however old it is", () => {
        assert.deepEqual(ages(outdatedBackups(daily(5), { age: 2 * DAY }, NOW, undefined)), [2, 3, 4])
        assert.deepEqual(ages(outdatedBackups(daily(5).slice(3), { age: 2 * DAY }, NOW, undefined)), [4])
        assert.deepEqual(outdatedBackups(daily(5).slice(4), { age: 2 * DAY }, NOW, undefined), [])
        assert.deepEqual(ages(outdatedBackups(daily(3), { count: 0 }, NOW, undefined)), [1, 2])
    })

    test("keeps what either rule keeps", () => {
        assert.deepEqual(ages(outdatedBackups(daily(6), { count: 2, age: 4 * DAY }, NOW, undefined)), [4, 5])
        assert.deepEqual(ages(outdatedBackups(daily(6), { count: 4, age: 2 * DAY }, NOW, undefined)), [4, 5])
    })

    test("never takes the one the last good drill was made with: of any other nobody knows yet that it opens", () => {
        const kept = daily(6)
        const proven = `${kept[4]?.fingerprint ?? ""}${"0".repeat(48)}`
        assert.deepEqual(ages(outdatedBackups(kept, { count: 1 }, NOW, proven)), [1, 2, 3, 5])
    })

    test("attack: a file with the name of the proven one and a later date does not have it removed", () => {
        const kept = daily(6)
        const [oldest] = kept.slice(-1)
        assert.ok(oldest !== undefined)
        const planted = { ...oldest, madeAt: new Date(NOW.getTime() - 1000) }
        assert.deepEqual(
            ages(outdatedBackups([...kept, planted], { count: 1 }, NOW, `${oldest.fingerprint}${"0".repeat(48)}`)).includes(5),
            false,
        )
    })

    test("a clock that was wrong when one was made takes nothing from the others but their place", () => {
        const [future = { name: "", madeAt: NOW, fingerprint: "" }] = daily(1)
        const ahead = { ...future, madeAt: new Date("2099-01-01T00:00:00Z"), fingerprint: "ffffffffffffffff" }
        assert.deepEqual(ages(outdatedBackups([ahead, ...daily(4)], { age: 2 * DAY }, NOW, undefined)), [2, 3])
    })
})
