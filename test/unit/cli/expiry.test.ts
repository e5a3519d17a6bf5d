import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { daysLeft, expiriesOf, inDays, isDue, ROOT_CERTIFICATE } from "../../../src/cli/expiry.ts"

const NOW = new Date("2026-11-21T09:00:00Z")
const after = (hours: number): Date => new Date(NOW.getTime() + hours * 3_600_000)

describe("expiry", () => {
    test("days are whole ones, rounded down, on both sides of now", () => {
        const cases = [48, 47.9, 24, 23.9, 0, -0.1, -24, -24.1].map((hours) => daysLeft(after(hours), NOW))
        assert.deepEqual(cases, [2, 1, 1, 0, 0, -1, -1, -2])
        assert.deepEqual([2, 1, 0, -1, -2, -3].map(inDays), [
            "in 2 days",
            "in 1 day",
            "in less than a day",
            "less than a day ago",
            "1 day ago",
            "2 days ago",
        ])
    })

    test("what ends exactly at the limit is due, what ends a second later is not", () => {
        assert.ok(isDue(after(24), NOW, 1))
        assert.ok(!isDue(new Date(after(24).getTime() + 1000), NOW, 1))
        assert.ok(isDue(after(-1), NOW, 0))
        assert.ok(isDue(after(12), NOW, 0.5))
    })

    test("the most urgent comes first, and what the server renews by itself is left out", () => {
        const marks = (hours: Readonly<Record<string, number>>) =>
            Object.entries(hours).map(([role, left]) => ({ role, expires: after(left).toISOString() }))
        const repositories = [
            {
                gun: "b.example/app",
                state: "active",
                marks: marks({ root: 9000, targets: 30, snapshot: 10, timestamp: 1 }),
                certificateExpires: "",
            },
            {
                gun: "a.example/app",
                state: "active",
                marks: marks({ targets: 30, "targets/alice": -5, snapshot: 20 }),
                certificateExpires: after(25).toISOString(),
            },
            { gun: "c.example/left", state: "reset", marks: marks({ targets: 1 }), certificateExpires: "" },
            { gun: "d.example/new", state: "active", marks: [{ role: "root", expires: "" }], certificateExpires: "" },
        ]
        assert.deepEqual(
            expiriesOf(repositories, new Set(["a.example/app"]), NOW).map(({ gun, what, daysLeft: left }) => [gun, what, left]),
            [
                ["a.example/app", "targets/alice", -1],
                ["a.example/app", "snapshot", 0],
                ["a.example/app", ROOT_CERTIFICATE, 1],
                ["a.example/app", "targets", 1],
                ["b.example/app", "targets", 1],
                ["b.example/app", "root", 375],
            ],
        )
    })
})
