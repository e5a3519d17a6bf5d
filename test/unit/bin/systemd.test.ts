import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { passedSockets } from "../../../src/bin/systemd/activation.ts"
import { serviceManager } from "../../../src/bin/systemd/service-manager.ts"

const KNOWN = ["sign", "admin"] as const

describe("sockets that systemd passes", () => {
    test("are known by their names, whatever their order", () => {
        const environment = { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "admin:sign" }
        assert.deepEqual(Object.fromEntries(passedSockets(environment, 42, KNOWN)), { admin: 3, sign: 4 })
    })

    test("are not ours when they are for another process, or when there are none", () => {
        const environment = { LISTEN_PID: "41", LISTEN_FDS: "2", LISTEN_FDNAMES: "admin:sign" }
        assert.equal(passedSockets(environment, 42, KNOWN).size, 0)
        assert.equal(passedSockets({}, 42, KNOWN).size, 0)
        assert.equal(passedSockets({ LISTEN_PID: "42" }, 42, KNOWN).size, 0)
    })

    for (const [what, count, names] of [
        ["a name nobody knows", "2", "sign:other"],
        ["systemd's own name for a socket without one", "1", "unknown"],
        ["a name that comes twice", "2", "sign:sign"],
        ["fewer names than sockets", "2", "sign"],
        ["no names at all", "2", undefined],
    ] as const) {
        test(`are refused for ${what}`, () => {
            const environment = { LISTEN_PID: "42", LISTEN_FDS: count, LISTEN_FDNAMES: names }
            assert.throws(() => passedSockets(environment, 42, KNOWN), { code: "config_invalid" })
        })
    }
})

describe("the service manager", () => {
    function listening(environment: Record<string, string>) {
        const heard: Readonly<Record<string, string>>[] = []
        const feeds: { readonly milliseconds: number; readonly work: () => void }[] = []
        const manager = serviceManager(
            environment,
            42,
            (state) => heard.push(state),
            (milliseconds, work) => feeds.push({ milliseconds, work }),
        )
        return { heard, feeds, manager }
    }

    test("feeds the watchdog twice in its patience, once the service is ready and not twice after a reload", () => {
        const { heard, feeds, manager } = listening({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "42" })
        assert.equal(feeds.length, 0)
        manager.ready("Serving")
        manager.reloading()
        manager.ready("Serving")
        assert.deepEqual(
            feeds.map(({ milliseconds }) => milliseconds),
            [15_000],
        )
        feeds[0]?.work()
        assert.deepEqual(heard.at(-1), { WATCHDOG: "1" })
    })

    for (const [what, environment] of [
        ["nobody watches", {}],
        ["another process is watched", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "41" }],
        ["the time is no time", { WATCHDOG_USEC: "soon" }],
    ] as const) {
        test(`feeds no watchdog when ${what}`, () => {
            const { feeds, manager } = listening(environment)
            manager.ready("Serving")
            assert.equal(feeds.length, 0)
        })
    }
})
