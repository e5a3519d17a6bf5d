import assert from "node:assert/strict"
import { afterEach, beforeEach, describe, mock, test } from "node:test"
import { type Touch, type TouchEvent, Touches, touchText } from "../../../src/keys/touch.ts"
import type { Principal } from "../../../src/policy/index.ts"
import { parseGun, parseRoleName } from "../../../src/tuf/index.ts"

const NOW = new Date("2026-11-21T09:00:00.000Z")
const PURPOSE = { gun: parseGun("registry.example.com/a"), role: parseRoleName("root"), version: 2 }
const [alice, bob] = [principal(1000, "alice"), principal(1001, "bob")]

function principal(uid: number, name: string): Principal {
    return { kind: "unix", uid, gids: [], pid: 1, name: `uid:${uid}(${name})`, socket: "sign" }
}

function expect(touches: Touches, touchPolicy: "never" | "always" | "cached" | undefined, asker = alice): Touch {
    const key = { token: "root", serial: "12345678", slot: "9c", keyId: "a".repeat(64), label: "root 2026", touchPolicy }
    const touch = touches.expect(key, PURPOSE)
    touch.join({ asker, difference: () => ["adds a key"] })
    return touch
}

function listen(touches: Touches): TouchEvent[] {
    const events: TouchEvent[] = []
    touches.watch((event) => events.push(event))
    return events
}

const kinds = (events: readonly TouchEvent[]): readonly string[] => events.map(({ kind }) => kind)

describe("a touch", () => {
    beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }))
    afterEach(() => mock.timers.reset())

    test("that a key always wants is told when the token begins, with what it is for and until when, and then how it ended", () => {
        const touches = new Touches(() => NOW)
        const events = listen(touches)
        const touch = expect(touches, "always")
        assert.deepEqual(kinds(events), [])
        touch.begin(false)
        touch.end("touched")
        assert.deepEqual(kinds(events), ["touch-awaited", "touched"])
        const [awaited, touched] = events
        assert.equal(awaited?.id, touched?.id)
        assert.deepEqual(awaited?.purpose, PURPOSE)
        assert.deepEqual(awaited?.difference, ["adds a key"])
        assert.deepEqual(awaited?.askers, [alice])
        assert.equal(awaited?.deadline.toISOString(), "2026-11-21T09:00:15.000Z")
    })
    test("is not told of before the token can begin with it: it waits for the one before", () => {
        const touches = new Touches(() => NOW)
        const events = listen(touches)
        const [first, second] = [expect(touches, "always"), expect(touches, "always", bob)]
        first.begin(true)
        assert.deepEqual(
            events.map(({ askers }) => askers[0]?.name),
            ["uid:1000(alice)"],
        )
        first.end("touch-timeout")
        second.begin(true)
        assert.deepEqual(kinds(events), ["touch-awaited", "touch-timeout", "touch-awaited"])
        assert.notEqual(events[0]?.id, events[2]?.id)
    })
    for (const [policy, alwaysAuthenticate, patience] of [
        ["cached", false, 300],
        [undefined, true, 1_000],
    ] as const) {
        test(`of a key whose policy is ${policy ?? "unknown"} is told only if the token takes ${patience} ms`, () => {
            const touches = new Touches(() => NOW)
            const events = listen(touches)
            const quick = expect(touches, policy)
            quick.begin(alwaysAuthenticate)
            mock.timers.tick(patience - 1)
            quick.end("touched")
            mock.timers.tick(10_000)
            assert.deepEqual(kinds(events), [])
            const slow = expect(touches, policy)
            slow.begin(alwaysAuthenticate)
            mock.timers.tick(patience)
            slow.end("gone")
            assert.deepEqual(kinds(events), ["touch-awaited", "gone"])
        })
    }
    test("of a key that never wants one, or asks for no PIN and is not known, is never told", () => {
        const touches = new Touches(() => NOW)
        const events = listen(touches)
        expect(touches, "never").begin(true)
        expect(touches, undefined).begin(false)
        mock.timers.tick(60_000)
        assert.deepEqual(kinds(events), [])
    })
    test("that is waited for is told to whoever comes late, and to nobody once it has ended", () => {
        const touches = new Touches(() => NOW)
        const touch = expect(touches, "always")
        touch.begin(false)
        const late = listen(touches)
        assert.deepEqual(kinds(late), ["touch-awaited"])
        touch.end("touched")
        assert.deepEqual(kinds(listen(touches)), [])
    })
    test("that a second request joins is told again, so that who made it knows", () => {
        const touches = new Touches(() => NOW)
        const events = listen(touches)
        const touch = expect(touches, "always")
        touch.begin(false)
        touch.join({ asker: bob, difference: () => [] })
        assert.deepEqual(
            events.map(({ id, askers }) => [id, askers.map(({ uid }) => uid)]),
            [
                [1, [1000]],
                [1, [1000, 1001]],
            ],
        )
    })
    test("is not told again for a user who asks again: he could drown whoever listens", () => {
        const touches = new Touches(() => NOW)
        const events = listen(touches)
        const touch = expect(touches, "always")
        touch.begin(false)
        for (let i = 0; i < 1_000; i += 1) touch.join({ asker: { ...alice, pid: i }, difference: () => [] })
        touch.end("touched")
        assert.deepEqual(kinds(events), ["touch-awaited", "touched"])
        assert.equal(events[1]?.askers.length, 1)
    })
    test("is told to nobody who has stopped listening", () => {
        const touches = new Touches(() => NOW)
        const events: TouchEvent[] = []
        const stop = touches.watch((event) => events.push(event))
        stop()
        expect(touches, "always").begin(false)
        assert.deepEqual(events, [])
    })
    test("is worked out for a person only when there is one to be asked: the difference of two large documents takes its time", () => {
        const touches = new Touches(() => NOW)
        let asked = 0
        const key = { token: "root", serial: "1", slot: "", keyId: "", label: "", touchPolicy: "cached" as const }
        const touch = touches.expect(key, PURPOSE)
        touch.join({
            asker: alice,
            difference: () => {
                asked += 1
                return []
            },
        })
        touch.begin(false)
        assert.equal(asked, 0)
        mock.timers.tick(300)
        listen(touches)
        touch.end("touched")
        assert.equal(asked, 1)
    })
    test("in a word says which key and where, or that a new key shows that it can sign", () => {
        const touches = new Touches(() => NOW)
        const text = (touch: Touch): string => touchText(touch.event("touch-awaited"))
        assert.equal(text(expect(touches, "always")), "waiting for touch of key aaaaaaaaaaaa (root 2026) for registry.example.com/a root")
        const nameless = { token: "root", serial: "1", slot: "", keyId: "", label: "", touchPolicy: undefined }
        assert.equal(text(touches.expect(nameless, undefined)), "waiting for touch of a new key, which shows that it can sign")
    })
})
