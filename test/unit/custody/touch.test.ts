import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { changes, seesTouch, Watches, type WatchRooms } from "../../../src/custody/touch.ts"
import type { TouchEvent, TouchListener } from "../../../src/keys/index.ts"
import { OVERFLOW_ID, type Policy, type Principal } from "../../../src/policy/index.ts"
import { parseGlob, parseGun, parseRoleName, type TargetsDocument } from "../../../src/tuf/index.ts"
import { LATER, makeSigned } from "../tuf/make.ts"

const EVERYWHERE = parseGlob("**")

function principal(uid: number, socket: Principal["socket"] = "sign"): Principal {
    return { kind: "unix", uid, gids: [], pid: 1, name: `uid:${uid}`, socket }
}

function event(asker: Principal): TouchEvent {
    return {
        id: 1,
        kind: "touch-awaited",
        key: { token: "root", serial: "1", slot: "9c", keyId: "ab", label: "", touchPolicy: "always" },
        purpose: { gun: parseGun("registry.example.com/secret"), role: parseRoleName("root"), version: 2 },
        difference: [],
        askers: [asker],
        deadline: new Date(0),
    }
}

/** Only what a watch touches. */
function world(policy: Policy = { rules: [], limits: [] }): {
    readonly rooms: WatchRooms
    readonly tell: TouchListener
    readonly listening: () => number
} {
    const listeners = new Set<TouchListener>()
    const keys = {
        watchTouches: (listener: TouchListener) => {
            listeners.add(listener)
            return () => listeners.delete(listener)
        },
    }
    return {
        rooms: { policy: () => policy, keys },
        tell: (told) => {
            for (const listener of listeners) listener(told)
        },
        listening: () => listeners.size,
    }
}

const statusFor = (uid: number, gun = EVERYWHERE): Policy => ({
    rules: [{ who: [{ kind: "uid", id: uid, name: String(uid) }], do: ["status"], role: [EVERYWHERE], gun: [gun] }],
    limits: [],
})

describe("who is told of a touch", () => {
    test("whoever asked for the signature, by user; a stranger learns nothing, not even that somebody signs", () => {
        const { rooms } = world()
        const mine = event(principal(1000))
        assert.ok(seesTouch(rooms, principal(1000), mine))
        assert.ok(!seesTouch(rooms, principal(1001), mine))
    })
    test("everybody on the admin socket, and whoever may see the daemon's status", () => {
        const { rooms } = world(statusFor(1001))
        const mine = event(principal(1000))
        assert.ok(seesTouch(rooms, principal(7, "admin"), mine))
        assert.ok(seesTouch(rooms, principal(1001), mine))
        assert.ok(!seesTouch(rooms, principal(1002), mine))
    })
    test("nobody with the overflow ID: many strangers share it, and one of them may have asked", () => {
        const { rooms } = world()
        assert.ok(!seesTouch(rooms, principal(OVERFLOW_ID), event(principal(OVERFLOW_ID))))
    })
    test("by the policy of that moment: what a reload takes away is not told from then on", () => {
        let policy = statusFor(1001)
        const { rooms, tell } = world()
        const told: TouchEvent[] = []
        new Watches().watch({ ...rooms, policy: () => policy }, principal(1001), { own: false }, (one) => told.push(one))
        tell(event(principal(1000)))
        policy = { rules: [], limits: [] }
        tell(event(principal(1000)))
        assert.equal(told.length, 1)
    })
    test("an administrator who wants only his own hears only of his own", () => {
        const { rooms, tell } = world()
        const told: number[] = []
        new Watches().watch(rooms, principal(0, "admin"), { own: true }, ({ askers }) => told.push(askers[0]?.uid ?? -1))
        tell(event(principal(1000)))
        tell(event(principal(0)))
        assert.deepEqual(told, [0])
    })
})

describe("watching", () => {
    test("takes so many places of one user and no more; an ended one is free again, once", () => {
        const { rooms, listening } = world()
        const watches = new Watches()
        const watch = (uid: number): (() => void) => watches.watch(rooms, principal(uid), { own: false }, () => {})
        const ends = Array.from({ length: 64 }, () => watch(1000))
        assert.throws(() => watch(1000), { code: "overloaded" })
        watch(1001)()
        assert.equal(listening(), 64)
        ends[0]?.()
        ends[0]?.()
        watch(1000)
        assert.throws(() => watch(1000), { code: "overloaded" })
        assert.equal(listening(), 64)
    })
})

describe("what a signature changes", () => {
    const targets = (names: readonly string[]): TargetsDocument => ({
        type: "targets",
        version: 1,
        expires: LATER,
        targets: new Map(names.map((name) => [name, { hashes: new Map([["sha256", Buffer.alloc(32)]]), length: 1 }])),
        delegations: { keys: new Map(), roles: [] },
    })

    test("is said against what is known, or as all that it holds when nothing is", () => {
        const next = makeSigned(targets(["v1", "v2"]))
        assert.deepEqual(
            changes(makeSigned(targets(["v1"])), next).map((line) => line.replace(/ as .*/, "")),
            ["adds tag v2"],
        )
        assert.equal(changes(undefined, next).length, 3)
    })
    test("is cut to what a person reads: so many lines, and none too long", () => {
        const lines = changes(makeSigned(targets([])), makeSigned(targets(Array.from({ length: 40 }, (_, i) => `${i}${"x".repeat(300)}`))))
        assert.equal(lines.length, 13)
        assert.equal(lines.at(-1), "and 28 more changes")
        for (const line of lines) assert.ok(line.length <= 200)
    })
})
